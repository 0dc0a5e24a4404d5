#pragma once
#include <variant>

#include "ttt/building_blocks/normalization/layer_norm.h"
#include "ttt/building_blocks/normalization/rms_norm.h"

namespace ttt::inline v2 {

/// Either norm, where a pattern takes whichever the model has.
/// Input: x [tokens, size]. Output: y [tokens, size], stored or added; may be x.
/// Weights: those of the norm held.
/// Behaviour: that of RMSNorm or of LayerNorm.
/// Errors: those of the norm held.
class Norm {
 public:
  /// Holds an RMSNorm.
  Norm(RMSNorm norm) : norm_(std::move(norm)) {}  // NOLINT: a norm is a Norm
  /// Holds a LayerNorm.
  Norm(LayerNorm norm) : norm_(std::move(norm)) {}  // NOLINT

  void forward(ConstMatrix x, Step& step, Matrix y, Write write = Write::store) const {
    std::visit([&](const auto& norm) { norm.forward(x, step, y, write); }, norm_);
  }
  std::uint64_t weight_bytes() const {
    return std::visit([](const auto& norm) { return norm.weight_bytes(); }, norm_);
  }

 private:
  std::variant<RMSNorm, LayerNorm> norm_;
};

}  // namespace ttt::inline v2
