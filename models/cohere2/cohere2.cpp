#include "cohere2.h"

#include <array>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/parallel_layer.h"

namespace ttt::models {

CausalLM load_cohere2(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  if (kind == Checkpoint::Kind::gguf) w = with_hf_names(w);
  const auto c = DecoderConfig::read(config);
  // In published checkpoints; transformers reads none of them.
  config.ignore(std::array<std::string_view, 9>{
      "layer_switch", "order_of_interleaved_layers", "position_embedding_type", "rotary_pct", "use_embedding_sharing",
      "use_gated_activation", "use_parallel_block", "use_parallel_embedding", "use_qk_norm"});
  const float eps = number(config, "layer_norm_eps", 1e-5);
  const bool bias = config.boolean("attention_bias", false);
  const int pattern = config.dimension("sliding_window_pattern", 4);
  const auto masks =
      read_masks(config, c.num_hidden_layers, read_window(config, 4096), [&](int i) { return (i + 1) % pattern != 0; });
  const RotaryEmbedding rope(read_rotary(config, {.head_dim = c.head_dim, .style = ops::RotaryStyle::interleaved}));
  auto attention = attention_config(c);
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  const auto ffn = read_gated_ffn(config, c);
  const LayerNorm::Config norm{.size = c.hidden_size, .eps = eps, .bias = false};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    attention.mask = masks[static_cast<std::size_t>(i)];
    attention.rope = attention.mask.window_size ? std::optional(rope) : std::nullopt;
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
