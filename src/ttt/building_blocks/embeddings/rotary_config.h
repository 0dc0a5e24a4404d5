#pragma once
#include <optional>
#include <string_view>

#include "ttt/building_blocks/embeddings/rotary.h"
#include "ttt/formats/config_reader.h"

namespace ttt::inline v2 {

/// The rotary embedding that a Hugging Face config describes, in the spelling of transformers 5 (`rope_parameters`) or
/// 4
/// (`rope_scaling`, which wins where both are there, with theta and the partial factor at the top level), or GGUF's
/// (`rope_dim`, the rotated columns).
struct RotaryConfigOptions {
  int head_dim;                               ///< columns of a head
  float default_theta = 10000.0f;             ///< where the config has none
  std::string_view theta_key = "rope_theta";  ///< of theta at the top level
  /// The share of the columns that rotates, where the config has none. Nothing: the family rotates whole heads whatever
  /// the config says.
  std::optional<float> default_partial_rotary_factor = std::nullopt;
  std::string_view partial_key = "partial_rotary_factor";  ///< of that share at the top level
  bool default_truncate = true;                            ///< yarn's `truncate` where the config has none
  ops::RotaryStyle style = ops::RotaryStyle::half;         ///< which columns turn together
  /// Reads the nested object of that name where `rope_parameters` has one for each type of layer ("full_attention").
  std::string_view layer_type = {};
};

/// The object that holds the scaling, if the config has one.
std::optional<ConfigReader> rope_scaling_object(const ConfigReader& config);

/// Reads it; throws ConfigError naming the key for an unknown rope type or a missing or bad value.
RotaryEmbedding::Config read_rotary(const ConfigReader& config, const RotaryConfigOptions& options);

/// Factor on cos and sin of yarn (arXiv 2309.00071; HF `_compute_yarn_parameters`) when a config gives none.
float yarn_attention_factor(double factor, double mscale, double mscale_all_dim);

}  // namespace ttt::inline v2
