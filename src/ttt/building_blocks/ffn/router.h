#pragma once
#include <memory>

#include "ttt/building_blocks/step.h"
#include "ttt/formats/weights.h"
#include "ttt/ops/moe.h"

namespace ttt::inline v2 {

/// Sends each token to a few of many experts (Shazeer et al., 2017): logits = x W^T + b in f32, then `rule`.
/// Input: x [tokens, hidden_size]. Output: experts and weights, [tokens * experts_per_token] each.
/// Weights: `weight` [num_experts, hidden_size], kept in f32; `bias` [num_experts] and `e_score_correction_bias`
/// [num_experts] when configured.
/// Behaviour: each token's experts in ascending order; of equal scores the lower index is chosen; RoutingRule says the
/// weights. Errors: ConfigError when the rule asks for more experts or groups than there are, WeightError for a missing
/// or misshaped tensor; ShapeError from `forward`.
class Router {
 public:
  struct Config {
    int hidden_size;               ///< columns of x
    int num_experts;               ///< to choose from
    RoutingRule rule;              ///< how many are chosen, and their weights
    bool bias = false;             ///< of the logits
    bool correction_bias = false;  ///< on the scores, for the choice only
  };
  Router(const Config& config, const Weights& weights, Device& device);

  /// Where `forward` writes, both [tokens * experts_per_token].
  struct Choice {
    std::span<std::int32_t> experts;  ///< ascending for each token
    std::span<float> weights;         ///< parallel to `experts`
  };
  /// How many values of each kind a Choice for that many tokens holds.
  std::size_t choices(std::int64_t tokens) const {
    return static_cast<std::size_t>(tokens * config_.rule.experts_per_token);
  }
  void forward(ConstMatrix x, Step& step, Choice out) const;

  int num_experts() const { return config_.num_experts; }  ///< to choose from
  std::uint64_t weight_bytes() const { return weight_->bytes(); }

 private:
  Config config_;
  std::shared_ptr<const ops::PackedMatrix> weight_;
  std::shared_ptr<const float> bias_, correction_;
};

}  // namespace ttt::inline v2
