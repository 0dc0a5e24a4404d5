#include "common/decoder_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/formats/common_keys.h"

namespace ttt::models {

DecoderConfig DecoderConfig::read(const ConfigReader& c, const Options& options) {
  ignore_common_keys(c, options.supported_quantization);
  const int hidden_size = c.dimension("hidden_size"), num_heads = c.dimension("num_attention_heads");
  const int head_dim = c.dimension("head_dim", options.head_dim > 0 ? options.head_dim : hidden_size / num_heads);
  product(c, "num_attention_heads", num_heads, head_dim);
  product(c, "num_key_value_heads", c.dimension("num_key_value_heads", num_heads), head_dim);
  return {.vocab_size = c.dimension("vocab_size"),
          .hidden_size = hidden_size,
          .num_hidden_layers = c.dimension("num_hidden_layers"),
          .num_attention_heads = num_heads,
          .num_key_value_heads = c.dimension("num_key_value_heads", num_heads),
          .head_dim = head_dim,
          .max_position_embeddings = c.dimension("max_position_embeddings", 2048)};
}

GroupedQueryAttention::Config attention_config(const DecoderConfig& sizes) {
  return {.hidden_size = sizes.hidden_size,
          .num_heads = sizes.num_attention_heads,
          .num_kv_heads = sizes.num_key_value_heads,
          .head_dim = sizes.head_dim,
          .scale = 1.0f / std::sqrt(static_cast<float>(sizes.head_dim)),
          .mask = Mask::causal()};
}

GatedFFN::Config read_gated_ffn(const ConfigReader& config, const DecoderConfig& sizes, ActivationKey activation) {
  return {.hidden_size = sizes.hidden_size,
          .intermediate_size = config.dimension("intermediate_size"),
          .activation = read_activation(config, activation.key, activation.otherwise)};
}

float number(const ConfigReader& config, std::string_view key, double otherwise) {
  return static_cast<float>(config.number(key, otherwise));
}

float positive(const ConfigReader& config, std::string_view key, double otherwise) {
  const float value = number(config, key, otherwise);
  if (!(value > 0)) config.fail(key, "expected a positive number");
  return value;
}

float number_or_none(const ConfigReader& config, std::string_view key, double otherwise) {
  return number(config, key, config.is_null(key) ? 0.0 : otherwise);
}

int product(const ConfigReader& config, std::string_view key, int a, int b) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  if (std::int64_t{a} * b > kMost)
    config.fail(key, "makes " + std::to_string(std::int64_t{a} * b) + " columns, more than " + std::to_string(kMost));
  return a * b;
}

std::optional<int> read_window(const ConfigReader& config, std::optional<int> otherwise) {
  constexpr std::string_view key = "sliding_window";
  if (!config.has(key) && !config.is_null(key)) return otherwise;
  if (config.integer(key, 0) == 0) return std::nullopt;
  return config.dimension(key);
}

std::optional<int> read_switched_window(const ConfigReader& config) {
  const auto window = read_window(config, 4096);
  return config.boolean("use_sliding_window", false) ? window : std::nullopt;
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

ExpertCounts read_expert_counts(const ConfigReader& config, std::optional<int> experts_per_token) {
  const int all = config.dimension(config.spelling({"num_experts", "num_local_experts", "n_routed_experts"}));
  const auto key = config.spelling({"num_experts_per_tok", "experts_per_token"});
  const int chosen = experts_per_token ? config.dimension(key, *experts_per_token) : config.dimension(key);
  if (chosen > all)
    config.fail(key, "asks for " + std::to_string(chosen) + " experts; there are " + std::to_string(all));
  return {all, chosen};
}

void ignore_router_training(const ConfigReader& config) {
  constexpr std::array<std::string_view, 3> keys{"output_router_logits", "router_aux_loss_coef", "router_jitter_noise"};
  config.ignore(keys);
}

LMHead make_head(const LMHead::Config& config, bool tied, const Embedding& embedding, const Weights& weights,
                 Device& device) {
  // transformers, too, takes a tied checkpoint's own head where it holds one.
  return tied && !weights.has("weight") ? LMHead(config, embedding, weights, device) : LMHead(config, weights, device);
}

CausalLM make_causal_lm(const ConfigReader& config, const DecoderConfig& sizes, const Weights& weights, Device& device,
                        DecoderStack layers, const DecoderEnds& ends) {
  const Embedding embedding(
      {.vocab_size = sizes.vocab_size, .hidden_size = sizes.hidden_size, .scale = ends.embedding_scale},
      weights / "model.embed_tokens", device);
  const LMHead::Config head{.hidden_size = sizes.hidden_size,
                            .vocab_size = sizes.vocab_size,
                            .bias = ends.head_bias,
                            .scale = ends.logit_scale,
                            .softcap = ends.logit_softcap};
  return {.embedding = embedding,
          .positions = {},
          .layers = std::move(layers),
          .norm = ends.norm,
          .head = make_head(head, config.boolean("tie_word_embeddings", ends.tied_by_default), embedding,
                            weights / "lm_head", device)};
}

}  // namespace ttt::models
