#pragma once
#include "ttt/building_blocks/linear.h"

namespace ttt::inline v2 {

/// Plain feed-forward layer: down(activation(up(x))).
/// Input: x [tokens, hidden_size]. Output: out [tokens, hidden_size], stored or added.
/// Weights: up_proj [intermediate_size, hidden_size], down_proj [hidden_size, intermediate_size], each `weight` and,
/// when configured, `bias`. Behaviour: rows do not see each other; `output.scale` multiplies the result before it is
/// stored or added. Errors: WeightError at construction; ShapeError from `forward`.
class MLP {
 public:
  struct Config {
    int hidden_size;        ///< columns of x and out
    int intermediate_size;  ///< columns between
    Activation activation;  ///< between the projections
    bool bias = true;       ///< both projections have one
  };
  MLP(const Config& config, const Weights& weights, Device& device);

  void forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output = {}) const;
  std::uint64_t weight_bytes() const { return up_.weight_bytes() + down_.weight_bytes(); }
  std::int64_t workspace_cols() const { return up_.out_features(); }

 private:
  Activation activation_;
  Linear up_, down_;
};

}  // namespace ttt::inline v2
