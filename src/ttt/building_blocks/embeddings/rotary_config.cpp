#include "ttt/building_blocks/embeddings/rotary_config.h"

#include <cmath>

namespace ttt::inline v2 {
namespace {

std::vector<float> to_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

/// The trained context: a top-level key wins over the nested copy, and the model's maximum stands in for both.
int original_length(const ConfigReader& config, const ConfigReader& rope) {
  constexpr std::string_view key = "original_max_position_embeddings";
  const int nested = rope.dimension(key, 0);
  if (config.has(key)) return config.dimension(key);
  return nested != 0 ? nested : config.dimension("max_position_embeddings");
}

double scaling_factor(const ConfigReader& config, const ConfigReader& rope, int original) {
  if (rope.has("factor")) return rope.number("factor");
  return config.number("max_position_embeddings") / original;
}

rope_scaling::Yarn read_yarn(const ConfigReader& config, const ConfigReader& rope, bool default_truncate) {
  const int original = original_length(config, rope);
  const double factor = scaling_factor(config, rope, original);
  const auto or_default = [](double value, double otherwise) { return value != 0 ? value : otherwise; };
  const double derived = yarn_attention_factor(factor, rope.number("mscale", 0), rope.number("mscale_all_dim", 0));
  return {.factor = static_cast<float>(factor),
          .original_max_position_embeddings = original,
          .beta_fast = static_cast<float>(or_default(rope.number("beta_fast", 32), 32)),
          .beta_slow = static_cast<float>(or_default(rope.number("beta_slow", 1), 1)),
          .truncate = rope.boolean("truncate", default_truncate),
          .attention_factor = static_cast<float>(rope.number("attention_factor", derived))};
}

rope_scaling::LongRope read_longrope(const ConfigReader& config, const ConfigReader& rope) {
  const int original = original_length(config, rope);
  const double factor = scaling_factor(config, rope, original);
  const double derived = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(original));
  return {.short_factor = to_floats(rope.numbers("short_factor")),
          .long_factor = to_floats(rope.numbers("long_factor")),
          .original_max_position_embeddings = original,
          .attention_factor = static_cast<float>(rope.number("attention_factor", derived))};
}

RopeScaling read_scaling(const ConfigReader& config, const ConfigReader& rope, bool default_truncate) {
  const auto key = rope.spelling({"rope_type", "type"});
  const std::string type = rope.string(key, "default");
  const auto number = [&](std::string_view k) { return static_cast<float>(rope.number(k)); };
  if (type == "default" || type == "none") return rope_scaling::Default{};
  if (type == "linear") return rope_scaling::Linear{number("factor")};
  if (type == "dynamic") return rope_scaling::Dynamic{number("factor"), config.dimension("max_position_embeddings")};
  // Longrope's first names were "su" and, with factors for each wave, "yarn".
  if (type == "longrope" || type == "su" || (type == "yarn" && rope.has("short_factor")))
    return read_longrope(config, rope);
  if (type == "yarn") return read_yarn(config, rope, default_truncate);
  if (type == "llama3")  // format name
    return rope_scaling::ByWavelength{number("factor"), number("low_freq_factor"), number("high_freq_factor"),
                                      original_length(config, rope)};
  rope.fail(
      key, "unknown rope type '" + type + "'; known: default, linear, dynamic, yarn, longrope, llama3");  // format name
}

}  // namespace

float yarn_attention_factor(double factor, double mscale, double mscale_all_dim) {
  const auto get = [&](double m) { return factor <= 1 ? 1.0 : 0.1 * m * std::log(factor) + 1.0; };
  if (mscale != 0 && mscale_all_dim != 0) return static_cast<float>(get(mscale) / get(mscale_all_dim));
  return static_cast<float>(get(1));
}

std::optional<ConfigReader> rope_scaling_object(const ConfigReader& config) {
  return config.object(config.spelling({"rope_scaling", "rope_parameters"}));
}

RotaryEmbedding::Config read_rotary(const ConfigReader& config, const RotaryConfigOptions& options) {
  auto nested = rope_scaling_object(config);
  if (nested && !options.layer_type.empty() && nested->has(options.layer_type))
    nested = nested->object(options.layer_type);
  const ConfigReader rope = nested.value_or(ConfigReader::parse("{}", config.where()));
  // Older configs keep theta and the partial factor at the top; newer ones inside rope_parameters.
  const auto number = [&](std::string_view key, std::string_view top, double otherwise) {
    return rope.number(key, config.number(top, otherwise));
  };
  double partial = 1.0;
  if (options.default_partial_rotary_factor) {
    partial = number("partial_rotary_factor", options.partial_key, *options.default_partial_rotary_factor);
    if (!(partial > 0 && partial <= 1)) config.fail(options.partial_key, "must be in (0, 1]");
  }
  const double theta = number("rope_theta", options.theta_key, options.default_theta);
  if (!(theta > 0)) config.fail(options.theta_key, "expected a positive number");
  return {.dim = config.dimension("rope_dim", static_cast<int>(options.head_dim * partial)),
          .theta = static_cast<float>(theta),
          .scaling = read_scaling(config, rope, options.default_truncate),
          .style = options.style};
}

}  // namespace ttt::inline v2
