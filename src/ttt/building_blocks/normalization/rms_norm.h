#pragma once
#include <memory>

#include "ttt/building_blocks/step.h"
#include "ttt/formats/weights.h"
#include "ttt/ops/norm.h"

namespace ttt::inline v2 {

using ops::Write;

/// y = x / sqrt(mean(x^2) + eps) * weight, over each row (Zhang & Sennrich, 2019).
/// Input: x [tokens, size]. Output: y [tokens, size], stored or added; may be x.
/// Weights: `weight` [size].
/// Behaviour: in f32, whatever the precision.
/// Errors: WeightError at construction; ShapeError from `forward`.
class RMSNorm {
 public:
  struct Config {
    int size;   ///< columns of x
    float eps;  ///< added to the mean square
  };
  RMSNorm(const Config& config, const Weights& weights, Device& device);

  void forward(ConstMatrix x, Step& step, Matrix y, Write write = Write::store) const;
  std::uint64_t weight_bytes() const { return static_cast<std::uint64_t>(config_.size) * sizeof(float); }

 private:
  Config config_;
  std::shared_ptr<const float> weight_;
};

}  // namespace ttt::inline v2
