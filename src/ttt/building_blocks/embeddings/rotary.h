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
/// Frequencies as they are.
struct Default {};
/// Positions are divided by `factor`.
struct Linear {
  float factor;  ///< new context over the trained one
};
/// NTK by the current length: theta grows once a sequence is longer than `max_position_embeddings`.
struct Dynamic {
  float factor;                 ///< new context over the trained one
  int max_position_embeddings;  ///< length up to which theta is as configured
};
/// Short waves are kept, long ones stretched by `factor`, with a ramp between (arXiv 2309.00071).
struct Yarn {
  float factor;                          ///< new context over the trained one
  int original_max_position_embeddings;  ///< the trained context
  float beta_fast = 32.0f;               ///< waves that turn more often than this within the trained context are kept
  float beta_slow = 1.0f;                ///< waves that turn less often are stretched
  bool truncate = true;                  ///< the ramp's ends are whole pairs
  float attention_factor;                ///< multiplies cos and sin; see yarn_attention_factor
};
/// A factor for every pair, in two lists, by the sequence's length (arXiv 2402.13753).
struct LongRope {
  std::vector<float> short_factor;       ///< [pairs]
  std::vector<float> long_factor;        ///< [pairs], used once a sequence is longer than the original maximum
  int original_max_position_embeddings;  ///< lengths up to this use short_factor
  float attention_factor;                ///< multiplies cos and sin
};
/// Long waves are stretched by `factor`, short ones kept, those between blended (rope_type "llama3").
struct ByWavelength {
  float factor;                          ///< new context over the trained one
  float low_freq_factor;                 ///< waves longer than the trained context over this are stretched
  float high_freq_factor;                ///< waves shorter than the trained context over this are kept
  int original_max_position_embeddings;  ///< the trained context
};
}  // namespace rope_scaling

/// Any of them; Default scales nothing.
using RopeScaling = std::variant<rope_scaling::Default, rope_scaling::Linear, rope_scaling::Dynamic, rope_scaling::Yarn,
                                 rope_scaling::LongRope, rope_scaling::ByWavelength>;

/// cos and sin for the rows of a step, each [rows, pairs].
struct RotaryRows {
  ConstMatrix cos;  ///< times the embedding's attention factor
  ConstMatrix sin;  ///< times the embedding's attention factor
};

/// Rotary position embedding (Su et al., 2021). Angle of pair i at position p: p * inv_freq[i],
/// inv_freq[i] = theta^(-2i/dim) before scaling. A shared, immutable value: copies refer to the same table, and a step
/// computes cos and sin once for all layers that hold copies.
class RotaryEmbedding {
 public:
  struct Config {
    int dim;      ///< columns of each head that rotate: head_dim, or less for partial rotary; an odd one takes one more
    float theta;  ///< base of the frequencies
    RopeScaling scaling = rope_scaling::Default{};    ///< of the frequencies
    ops::RotaryStyle style = ops::RotaryStyle::half;  ///< which columns turn together

    int pairs() const { return (dim + 1) / 2; }  ///< pairs of columns that rotate
  };
  /// Throws ConfigError on a dim below 1, factors of another length, or values out of range.
  RotaryEmbedding(Config config);  // NOLINT: a block's config is given as RotaryEmbedding{{...}}

  const Config& config() const { return table_->config; }  ///< as it was built
  const void* identity() const { return table_.get(); }    ///< equal for copies of one embedding, different for others
  float attention_factor() const { return table_->attention_factor; }  ///< on cos and sin; 1 without yarn or longrope
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
