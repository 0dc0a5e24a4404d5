#include "common/decoder_config.h"

#include <algorithm>
#include <array>
#include <string>

#include "ttt/formats/common_keys.h"

namespace ttt::models {

DecoderConfig DecoderConfig::read(const ConfigReader& c, std::string_view supported_quantization) {
  ignore_common_keys(c, supported_quantization);
  const int hidden_size = c.dimension("hidden_size"), num_heads = c.dimension("num_attention_heads");
  return {.vocab_size = c.dimension("vocab_size"),
          .hidden_size = hidden_size,
          .num_hidden_layers = c.dimension("num_hidden_layers"),
          .num_attention_heads = num_heads,
          .num_key_value_heads = c.dimension("num_key_value_heads", num_heads),
          .head_dim = c.dimension("head_dim", hidden_size / num_heads),
          .max_position_embeddings = c.dimension("max_position_embeddings", 2048)};
}

float number(const ConfigReader& config, std::string_view key, double otherwise) {
  return static_cast<float>(config.number(key, otherwise));
}

std::optional<int> read_window(const ConfigReader& config) {
  const auto window = config.integer("sliding_window", 0);
  if (window == 0) return std::nullopt;
  return config.dimension("sliding_window");
}

std::vector<Mask> read_masks(const ConfigReader& config, int num_layers, std::optional<int> window,
                             const std::function<bool(int)>& slides) {
  std::vector<Mask> masks;
  const bool listed = config.has("layer_types");
  const auto types = listed ? config.strings("layer_types") : std::vector<std::string>{};
  if (listed && types.size() != static_cast<std::size_t>(num_layers))
    config.fail("layer_types",
                "expected " + std::to_string(num_layers) + " entries, got " + std::to_string(types.size()));
  for (int i = 0; i < num_layers; ++i) {
    bool sliding = !listed && window && slides(i);
    if (listed) {
      const auto& type = types[static_cast<std::size_t>(i)];
      sliding = type == "sliding_attention";
      if (!sliding && type != "full_attention")
        config.fail("layer_types", "unknown type '" + type + "'; known: full_attention, sliding_attention");
      if (sliding && !window) config.fail("sliding_window", "is off, but layer_types has sliding_attention");
    }
    masks.push_back(sliding ? Mask::window(*window) : Mask::causal());
  }
  return masks;
}

std::vector<bool> read_sparse_layers(const ConfigReader& config, int num_layers) {
  const int step = config.dimension("decoder_sparse_step", 1);
  const auto dense = config.has("mlp_only_layers") ? config.numbers("mlp_only_layers") : std::vector<double>{};
  std::vector<bool> sparse;
  for (int i = 0; i < num_layers; ++i)
    sparse.push_back((i + 1) % step == 0 && std::ranges::find(dense, i) == dense.end());
  return sparse;
}

void ignore_router_training(const ConfigReader& config) {
  constexpr std::array<std::string_view, 3> keys{"output_router_logits", "router_aux_loss_coef", "router_jitter_noise"};
  config.ignore(keys);
}

LMHead make_head(const LMHead::Config& config, bool tied, const Embedding& embedding, const Weights& weights,
                 Device& device) {
  return tied ? LMHead(config, embedding, weights, device) : LMHead(config, weights, device);
}

}  // namespace ttt::models
