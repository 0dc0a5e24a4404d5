#pragma once
#include <string_view>

#include "ttt/building_blocks/embeddings/rotary.h"
#include "ttt/formats/config_reader.h"

namespace ttt {

/// The rotary embedding that a Hugging Face config describes, in the spelling of transformers 5 (`rope_parameters`) or
/// 4
/// (`rope_theta` or `rotary_emb_base`, `rope_scaling`, `partial_rotary_factor` or `rotary_pct`), or GGUF's
/// (`rope_dim`, the rotated columns).
struct RotaryConfigOptions {
  int head_dim;
  float default_theta = 10000.0f;  ///< where the config has no rope_theta
  float default_partial_rotary_factor = 1.0f;
  bool default_truncate = true;  ///< yarn's `truncate` where the config has none
  ops::RotaryStyle style = ops::RotaryStyle::half;
  /// Reads the nested object of that name where `rope_parameters` has one for each type of layer ("full_attention").
  std::string_view layer_type = {};
};

/// Reads it; throws ConfigError naming the key for an unknown rope type or a missing or bad value.
RotaryEmbedding::Config read_rotary(const ConfigReader& config, const RotaryConfigOptions& options);

/// Factor on cos and sin of yarn (arXiv 2309.00071; HF `_compute_yarn_parameters`) when a config gives none.
float yarn_attention_factor(double factor, double mscale, double mscale_all_dim);

}  // namespace ttt
