#include "cohere.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/parallel_layer.h"

namespace ttt::models {

CausalLM load_cohere(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  if (kind == Checkpoint::Kind::gguf) w = with_hf_names(w);
  const auto c = DecoderConfig::read(config);
  const float eps = number(config, "layer_norm_eps", 1e-5);
  const bool bias = config.boolean("attention_bias", false);
  const QueryKeyNorm::Config head_norm{
      .kind = QueryKeyNorm::Kind::layer, .scope = QueryKeyNorm::Scope::per_head, .eps = eps};
  auto attention = attention_config(c);
  attention.rope = RotaryEmbedding(
      read_rotary(config, {.head_dim = c.head_dim, .default_theta = 5e5f, .style = ops::RotaryStyle::interleaved}));
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  attention.qk_norm = config.boolean("use_qk_norm", false) ? std::optional(head_norm) : std::nullopt;
  const auto ffn = read_gated_ffn(config, c);
  const LayerNorm::Config norm{.size = c.hidden_size, .eps = eps, .bias = false};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(ParallelLayer<LayerNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {},
        .ffn = {ffn, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers),
                        {.norm = LayerNorm(norm, w / "model.norm", device),
                         .tied_by_default = true,
                         .logit_scale = number(config, "logit_scale", 0.0625)});
}

}  // namespace ttt::models
