#include "olmo2.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/output_norm_layer.h"

namespace ttt::models {

CausalLM load_olmo2(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  if (kind == Checkpoint::Kind::gguf) w = with_hf_sandwich_names(w);
  const auto c = DecoderConfig::read(config);
  const float eps = number(config, "rms_norm_eps", 1e-5);
  const bool bias = config.boolean("attention_bias", false);
  auto attention = attention_config(c);
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim}));
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  attention.qk_norm =
      QueryKeyNorm::Config{.kind = QueryKeyNorm::Kind::rms, .scope = QueryKeyNorm::Scope::all_heads, .eps = eps};
  const auto ffn = read_gated_ffn(config, c);
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = eps};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(OutputNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .attention_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {ffn, l / "mlp", device},
        .ffn_norm = {norm, l / "post_feedforward_layernorm", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = RMSNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
