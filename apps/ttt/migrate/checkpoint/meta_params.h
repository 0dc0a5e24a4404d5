#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace ttt::app {

/// The numbers of Meta's params.json, named as there.
struct MetaParams {
  int dim, n_layers, n_heads, n_kv_heads;
  int head_dim;                   ///< dim / n_heads, unless the file says it
  std::optional<int> vocab_size;  ///< nothing where the file has none, or -1 as Llama 2's
  std::optional<int>
      hidden_dim;  ///< of the feed-forward layers, as the file's multiple_of and ffn_dim_multiplier give it
  double norm_eps, rope_theta;
  /// The scaling of rotary frequencies that use_scaled_rope turns on.
  struct RopeScaling {
    double factor, high_freq_factor;
  };
  std::optional<RopeScaling> rope_scaling;
  std::optional<int> max_seq_len;

  /// Throws ConfigError for a number that is missing or senseless, and for a key that is not known: it may change the
  /// math.
  static MetaParams read(const std::filesystem::path& file);
};

}  // namespace ttt::app
