#pragma once
#include <memory>

#include "ttt/building_blocks/step.h"
#include "ttt/formats/weights.h"
#include "ttt/ops/norm.h"

namespace ttt::inline v2 {

using ops::Write;

/// y = (x - mean) / sqrt(var + eps) * weight + bias, over each row (Ba et al., 2016; torch.nn.LayerNorm).
/// Input: x [tokens, size]. Output: y [tokens, size], stored or added; may be x.
/// Weights: `weight` [size], `bias` [size] when configured.
/// Behaviour: in f32, whatever the precision; the variance is the biased one.
/// Errors: WeightError at construction; ShapeError from `forward`.
class LayerNorm {
 public:
  struct Config {
    int size;          ///< columns of x
    float eps;         ///< added to the variance
    bool bias = true;  ///< a `bias` is taken and added
  };
  LayerNorm(const Config& config, const Weights& weights, Device& device);

  void forward(ConstMatrix x, Step& step, Matrix y, Write write = Write::store) const;
  std::uint64_t weight_bytes() const {
    return static_cast<std::uint64_t>(config_.size) * sizeof(float) * (config_.bias ? 2 : 1);
  }

 private:
  Config config_;
  std::shared_ptr<const float> weight_, bias_;
};

}  // namespace ttt::inline v2
