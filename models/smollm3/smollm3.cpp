#include "smollm3.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {
namespace {

/// Which layers rotate: `no_rope_layers` holds 1 for those that do, else every `no_rope_layer_interval`-th does not.
std::vector<bool> read_rotating(const ConfigReader& config, int num_layers) {
  const auto interval = config.dimension("no_rope_layer_interval", 4);
  std::vector<bool> rotating;
  if (config.has("no_rope_layers"))
    for (const double flag : config.numbers("no_rope_layers")) rotating.push_back(flag != 0);
  else
    for (int i = 0; i < num_layers; ++i) rotating.push_back((i + 1) % interval != 0);
  if (rotating.size() != static_cast<std::size_t>(num_layers))
    config.fail("no_rope_layers", "must have one entry a layer");
  return rotating;
}

}  // namespace

CausalLM load_smollm3(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  if (kind == Checkpoint::Kind::gguf) w = with_unpermuted_heads(with_hf_names(w), c.head_dim);
  const auto rotating = read_rotating(config, c.num_hidden_layers);
  const bool windowed = config.boolean("use_sliding_window", false), bias = config.boolean("attention_bias", false);
  const auto window = read_window(config);
  const auto masks = read_masks(config, c.num_hidden_layers, window,
                                [&](int i) { return windowed && !rotating[static_cast<std::size_t>(i)]; });
  const RotaryEmbedding rope(read_rotary(config, {.head_dim = c.head_dim, .default_theta = 2e6f}));
  auto attention = attention_config(c);
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  auto ffn = read_gated_ffn(config, c);
  ffn.bias = config.boolean("mlp_bias", false);
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-6)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    attention.mask = masks[static_cast<std::size_t>(i)];
    attention.rope = rotating[static_cast<std::size_t>(i)] ? std::optional(rope) : std::nullopt;
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {ffn, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers),
                        {.norm = RMSNorm(norm, w / "model.norm", device), .tied_by_default = true});
}

}  // namespace ttt::models
