#include "stablelm.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/parallel_layer.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {
namespace {

/// A head's norm is a tensor of its own: "q_layernorm.norms.0.weight", ...
Weights with_joined_head_norms(const Weights& weights, int num_heads, int num_kv_heads) {
  return weights.concatenated([=](std::string_view name) {
    std::vector<std::string> parts;
    const auto at =
        name.find(".q_norm.weight") != name.npos ? name.find(".q_norm.weight") : name.find(".k_norm.weight");
    if (at == name.npos) return parts;
    const char which = name[at + 1];
    for (int h = 0; h < (which == 'q' ? num_heads : num_kv_heads); ++h)
      parts.push_back(std::string(name.substr(0, at + 1)) + which + "_layernorm.norms." + std::to_string(h) +
                      ".weight");
    return parts;
  });
}

}  // namespace

CausalLM load_stablelm(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  w = kind == Checkpoint::Kind::gguf ? with_hf_names(w)
                                     : with_joined_head_norms(w, c.num_attention_heads, c.num_key_value_heads);
  const bool parallel = config.boolean("use_parallel_residual", false) &&
                        !(w / "model.layers" / 0).has("post_attention_layernorm.weight");
  const bool normed = config.boolean(config.spelling({"qk_layernorm", "use_qk_norm"}), false);
  const float eps = number(config, "layer_norm_eps", 1e-5);
  const QueryKeyNorm::Config head_norm{
      .kind = QueryKeyNorm::Kind::layer, .scope = QueryKeyNorm::Scope::per_head, .eps = eps};
  auto attention = attention_config(c);
  attention.rope =
      RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim, .default_partial_rotary_factor = 0.25f}));
  attention.qkv_bias = config.boolean(config.spelling({"use_qkv_bias", "attention_bias"}), false);
  attention.qk_norm = normed ? std::optional(head_norm) : std::nullopt;
  const auto ffn = read_gated_ffn(config, c);
  const LayerNorm::Config norm{.size = c.hidden_size, .eps = eps};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    const LayerNorm attention_norm(norm, l / "input_layernorm", device);
    const GroupedQueryAttention self_attention(attention, l / "self_attn", device, CacheLayer{i});
    const GatedFFN gated(ffn, l / "mlp", device);
    if (parallel)
      layers.push_back(
          ParallelLayer<LayerNorm, GroupedQueryAttention, GatedFFN>{attention_norm, self_attention, {}, gated});
    else
      layers.push_back(PreNormLayer<LayerNorm, GroupedQueryAttention, GatedFFN>{
          attention_norm, self_attention, {norm, l / "post_attention_layernorm", device}, gated});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = LayerNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
