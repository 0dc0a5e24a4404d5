#include "phi.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/mlp.h"
#include "ttt/patterns/parallel_layer.h"

namespace ttt::models {
namespace {

Weights with_hugging_face_layout(const Weights& weights) {
  return with_names(weights, {{"model.norm", "model.final_layernorm"},
                              {"o_proj", "dense"},
                              {"q_norm", "q_layernorm"},
                              {"k_norm", "k_layernorm"},
                              {"up_proj", "fc1"},
                              {"down_proj", "fc2"}});
}

}  // namespace

CausalLM load_phi(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  const FusedHeads heads{c.num_attention_heads, c.num_key_value_heads, c.head_dim};
  if (kind == Checkpoint::Kind::hugging_face)
    w = with_hugging_face_layout(w);
  else  // the converter fuses queries, keys and values in some versions
    w = w.has("blk.0.attn_qkv.weight") ? with_split_qkv(with_hf_names(w), "qkv_proj", heads, FusedOrder::by_part)
                                       : with_hf_names(w);
  const float eps = number(config, "layer_norm_eps", 1e-5);
  const QueryKeyNorm::Config head_norm{
      .kind = QueryKeyNorm::Kind::layer, .scope = QueryKeyNorm::Scope::shared, .eps = eps, .bias = true};
  const auto rope = read_rotary(config, {.head_dim = c.head_dim, .default_partial_rotary_factor = 0.5f});
  auto attention = attention_config(c);
  attention.rope = RotaryEmbedding(rope);
  attention.qkv_bias = true;
  attention.output_bias = true;
  attention.qk_norm =
      config.boolean(config.spelling({"qk_layernorm", "use_qk_norm"}), false) ? std::optional(head_norm) : std::nullopt;
  const MLP::Config mlp{.hidden_size = c.hidden_size,
                        .intermediate_size = config.dimension("intermediate_size"),
                        .activation = read_activation(config, "hidden_act", "gelu_new")};
  const LayerNorm::Config norm{.size = c.hidden_size, .eps = eps};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(ParallelLayer<LayerNorm, GroupedQueryAttention, MLP>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {},
        .ffn = {mlp, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers),
                        {.norm = LayerNorm(norm, w / "model.norm", device), .head_bias = true});
}

}  // namespace ttt::models
