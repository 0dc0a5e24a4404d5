#include "qwen3.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {

CausalLM load_qwen3(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  if (kind == Checkpoint::Kind::gguf) w = with_hf_names(w);
  const auto c = DecoderConfig::read(config, {.head_dim = 128});
  const auto max_window_layers = config.integer("max_window_layers", 28);
  const auto masks = read_masks(config, c.num_hidden_layers, read_switched_window(config),
                                [&](int i) { return i >= max_window_layers; });
  const float eps = number(config, "rms_norm_eps", 1e-6);
  const bool bias = config.boolean("attention_bias", false);
  auto attention = attention_config(c);
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim}));
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  attention.qk_norm =
      QueryKeyNorm::Config{.kind = QueryKeyNorm::Kind::rms, .scope = QueryKeyNorm::Scope::shared, .eps = eps};
  const auto ffn = read_gated_ffn(config, c);
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = eps};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    attention.mask = masks[static_cast<std::size_t>(i)];
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {ffn, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = RMSNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
