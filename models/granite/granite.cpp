#include "granite.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {

CausalLM load_granite(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  if (kind == Checkpoint::Kind::gguf) w = with_unpermuted_heads(with_hf_names(w), c.head_dim);
  const bool attention_bias = config.boolean("attention_bias", false);
  const float residual_scale = number(config, "residual_multiplier", 1.0);
  auto attention = attention_config(c);
  attention.scale = number(config, "attention_multiplier", 1.0);
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim}));
  attention.qkv_bias = attention_bias;
  attention.output_bias = attention_bias;
  auto ffn = read_gated_ffn(config, c);
  ffn.bias = config.boolean("mlp_bias", false);
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-6)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {ffn, l / "mlp", device},
        .residual_scale = residual_scale});
  }
  return make_causal_lm(
      config, c, w, device, std::move(layers),
      {.norm = RMSNorm(norm, w / "model.norm", device),
       .embedding_scale = number(config, "embedding_multiplier", 1.0),
       .logit_scale = 1.0f / positive(config, config.spelling({"logits_scaling", "logit_scale"}), 1.0)});
}

}  // namespace ttt::models
