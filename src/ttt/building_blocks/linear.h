#pragma once
#include <memory>
#include <span>
#include <vector>

#include "ttt/building_blocks/output.h"
#include "ttt/building_blocks/step.h"
#include "ttt/formats/weights.h"
#include "ttt/ops/linear.h"

namespace ttt::inline v2 {

/// y = write(scale * activation(x W^T + b)) (torch.nn.Linear).
/// Input: x [tokens, in_features]. Output: y [tokens, out_features], stored or added.
/// Weights: `weight` [out_features, in_features], `bias` [out_features] when configured.
/// Behaviour: sums in f32 or, for integer weights, as the device's kernel has them; with Precision::exact in f32
/// always. Errors: WeightError at construction for a missing or misshaped tensor; ShapeError from `forward`.
class Linear {
 public:
  struct Config {
    int in_features;
    int out_features;
    bool bias = false;
  };
  struct Epilogue {
    Activation activation = Activation::none;
    float scale = 1.0f;
    Write write = Write::store;
  };

  Linear(const Config& config, const Weights& weights, Device& device);

  /// Several linear layers over the same input as one: their outputs side by side, in order.
  struct Part {
    Config config;
    Weights weights;
  };
  static Linear fused(std::span<const Part> parts, Device& device);

  void forward(ConstMatrix x, Step& step, Matrix y, Epilogue epilogue) const;
  void forward(ConstMatrix x, Step& step, Matrix y) const { forward(x, step, y, Epilogue{}); }

  int in_features() const { return static_cast<int>(weight_->cols()); }
  int out_features() const { return static_cast<int>(weight_->rows()); }
  std::uint64_t weight_bytes() const { return weight_->bytes(); }
  const ops::PackedMatrix& weight() const { return *weight_; }
  const float* bias() const { return bias_.get(); }

 private:
  Linear() = default;
  std::shared_ptr<const ops::PackedMatrix> weight_;
  std::shared_ptr<const float> bias_;
};

}  // namespace ttt::inline v2
