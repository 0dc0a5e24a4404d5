#pragma once
#include <string>
#include <utility>
#include <vector>

#include "reference_layers.h"

/// Mixtures of experts written as plainly as possible, in double precision.
namespace ttt::test {

struct RoutingNumbers {
  int experts_per_token;
  bool sigmoid = false;
  bool normalize = false;
  double scale = 1;
  int num_groups = 1, groups_per_token = 1;
  bool sum_of_best_two = false;
};

/// A token's experts with their weights, ascending.
using ExpertChoice = std::vector<std::pair<int, double>>;

/// The experts of each row of logits; `correction` (or empty) is added for the choice only. Ties go to the lower index.
std::vector<ExpertChoice> reference_route(const Rows& logits, const std::vector<double>& correction,
                                          const RoutingNumbers& n);

struct MoeNumbers {
  RoutingNumbers routing;
  bool shared = false, gated_shared = false;
  std::function<double(double, double)> join = [](double gate, double up) { return silu(gate) * up; };
};

/// Weights as MixtureOfExperts takes them, `gate.e_score_correction_bias` when there.
Rows reference_moe(const Rows& x, const WeightSource& weights, const std::string& path, const MoeNumbers& n);

/// clamped: min(gate, limit) sigmoid(alpha gate) (clamp(up) + 1).
double clamped_swiglu(double gate, double up, double alpha, double limit);

}  // namespace ttt::test
