#pragma once
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "ttt/core/matrix.h"
#include "ttt/ops/attention.h"

namespace ttt::inline v2 {

/// How rotary frequencies are stretched beyond the trained context, named as `rope_type` in Hugging Face configs
/// (transformers/modeling_rope_utils.py).
namespace rope_scaling {
struct Default {};
struct Linear {
  float factor;
};
/// NTK by the current length: theta grows once a sequence is longer than `max_position_embeddings`.
struct Dynamic {
  float factor;
  int max_position_embeddings;
};
struct Yarn {
  float factor;
  int original_max_position_embeddings;
  float beta_fast = 32.0f;
  float beta_slow = 1.0f;
  bool truncate = true;
  float attention_factor;  ///< multiplies cos and sin; see yarn_attention_factor
};
struct LongRope {
  std::vector<float> short_factor;  ///< [pairs]
  std::vector<float> long_factor;   ///< [pairs], used once a sequence is longer than the original maximum
  int original_max_position_embeddings;
  float attention_factor;
};
/// Long waves are stretched by `factor`, short ones kept, those between blended (rope_type "llama3").
struct ByWavelength {
  float factor;
  float low_freq_factor;
  float high_freq_factor;
  int original_max_position_embeddings;
};
}  // namespace rope_scaling

using RopeScaling = std::variant<rope_scaling::Default, rope_scaling::Linear, rope_scaling::Dynamic, rope_scaling::Yarn,
                                 rope_scaling::LongRope, rope_scaling::ByWavelength>;

/// cos and sin for the rows of a step, each [rows, pairs].
struct RotaryRows {
  ConstMatrix cos;
  ConstMatrix sin;
};

/// Rotary position embedding (Su et al., 2021). Angle of pair i at position p: p * inv_freq[i],
/// inv_freq[i] = theta^(-2i/dim) before scaling. A shared, immutable value: copies refer to the same table, and a step
/// computes cos and sin once for all layers that hold copies.
class RotaryEmbedding {
 public:
  struct Config {
    int dim;      ///< columns of each head that rotate: head_dim, or less for partial rotary; an odd one takes one more
    float theta;  ///< base of the frequencies
    RopeScaling scaling = rope_scaling::Default{};
    ops::RotaryStyle style = ops::RotaryStyle::half;

    int pairs() const { return (dim + 1) / 2; }
  };
  /// Throws ConfigError on a dim below 1, factors of another length, or values out of range.
  RotaryEmbedding(Config config);  // NOLINT: a block's config is given as RotaryEmbedding{{...}}

  const Config& config() const { return table_->config; }
  const void* identity() const { return table_.get(); }
  float attention_factor() const { return table_->attention_factor; }
  /// Inverse frequencies [pairs] for a sequence of that length.
  std::vector<float> inv_freq(int sequence_length) const;
  /// True when inv_freq depends on the sequence's length.
  bool length_dependent() const;
  /// cos and sin rows (rows x pairs each) for positions whose sequences have the given lengths.
  void fill(std::span<const std::int32_t> positions, std::span<const std::int32_t> lengths, std::span<float> cos,
            std::span<float> sin) const;

 private:
  struct Table {
    Config config;
    std::vector<float> base;       ///< inverse frequencies after length-independent scaling
    std::vector<float> long_base;  ///< longrope beyond the original maximum
    float attention_factor = 1.0f;
  };
  std::shared_ptr<const Table> table_;
};

}  // namespace ttt::inline v2
