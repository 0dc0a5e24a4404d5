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
    int in_features;    ///< columns of x
    int out_features;   ///< columns of y
    bool bias = false;  ///< a `bias` is taken and added
  };
  /// What happens to the product on its way to y.
  struct Epilogue {
    Activation activation = Activation::none;  ///< of product and bias
    float scale = 1.0f;                        ///< after the activation
    Write write = Write::store;                ///< into y, or onto it
  };

  Linear(const Config& config, const Weights& weights, Device& device);

  /// Several linear layers over the same input as one: their outputs side by side, in order.
  struct Part {
    Config config;    ///< its in_features are those of all parts
    Weights weights;  ///< where its `weight` and `bias` are
  };
  /// One layer with the parts' rows one below the other, read in one pass. All must have the same in_features.
  static Linear fused(std::span<const Part> parts, Device& device);

  void forward(ConstMatrix x, Step& step, Matrix y, Epilogue epilogue) const;
  /// The same without activation or scale, stored.
  void forward(ConstMatrix x, Step& step, Matrix y) const { forward(x, step, y, Epilogue{}); }

  int in_features() const { return static_cast<int>(weight_->cols()); }   ///< columns of x
  int out_features() const { return static_cast<int>(weight_->rows()); }  ///< columns of y
  std::uint64_t weight_bytes() const { return weight_->bytes(); }
  const ops::PackedMatrix& weight() const { return *weight_; }  ///< as the device's kernels read it
  const float* bias() const { return bias_.get(); }             ///< [out_features] on the device, or null

 private:
  Linear() = default;
  std::shared_ptr<const ops::PackedMatrix> weight_;
  std::shared_ptr<const float> bias_;
};

}  // namespace ttt::inline v2
