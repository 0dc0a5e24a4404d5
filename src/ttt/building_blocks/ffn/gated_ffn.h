#pragma once
#include "ttt/building_blocks/linear.h"
#include "ttt/ops/moe.h"

namespace ttt::inline v2 {

/// Gated feed-forward layer (Shazeer, 2020): down(activation(gate(x)) * up(x)).
/// Input: x [tokens, hidden_size]. Output: out [tokens, hidden_size], stored or added.
/// Weights: gate_proj and up_proj [intermediate_size, hidden_size], down_proj [hidden_size, intermediate_size], each
/// `weight` and, when configured, `bias`.
/// Behaviour: rows do not see each other; `output.scale` multiplies the result before it is stored or added.
/// Errors: ConfigError for an impossible activation and WeightError at construction; ShapeError from `forward`.
class GatedFFN {
 public:
  struct Config {
    int hidden_size;             ///< columns of x and out
    int intermediate_size;       ///< columns between
    GatedActivation activation;  ///< how gate and up are joined
    bool bias = false;           ///< all three projections have one
  };
  GatedFFN(const Config& config, const Weights& weights, Device& device);

  void forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output = {}) const;
  std::uint64_t weight_bytes() const { return gate_.weight_bytes() + up_.weight_bytes() + down_.weight_bytes(); }
  std::int64_t workspace_cols() const { return gate_.out_features(); }
  std::int64_t hidden_size() const { return down_.out_features(); }  ///< columns of x and out
  /// The same layer as an expert among others; this block must outlive it.
  ops::Expert as_expert() const;

 private:
  GatedActivation activation_;
  Linear gate_, up_, down_;
};

}  // namespace ttt::inline v2
