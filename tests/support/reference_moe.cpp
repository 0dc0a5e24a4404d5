#include "reference_moe.h"

#include <algorithm>
#include <cmath>

#include "ttt/formats/dequantize.h"

namespace ttt::test {
namespace {

/// Takes the largest of `values` `count` times, the first of equals; ascending indices.
std::vector<int> take_best(std::vector<double> values, int count) {
  std::vector<int> taken;
  for (int i = 0; i < count; ++i) {
    const auto at = std::max_element(values.begin(), values.end()) - values.begin();
    taken.push_back(static_cast<int>(at));
    values[static_cast<std::size_t>(at)] = -INFINITY;
  }
  std::sort(taken.begin(), taken.end());
  return taken;
}

double group_score(std::vector<double> group, bool sum_of_best_two) {
  std::sort(group.rbegin(), group.rend());
  return sum_of_best_two ? group[0] + group[1] : group[0];
}

ExpertChoice route_token(const std::vector<double>& logits, const std::vector<double>& correction,
                         const RoutingNumbers& n) {
  std::vector<double> scores;
  double sum = 0;
  for (const double l : logits) sum += std::exp(l);
  for (const double l : logits) scores.push_back(n.sigmoid ? 1 / (1 + std::exp(-l)) : std::exp(l) / sum);
  auto choice = scores;
  for (std::size_t e = 0; e < correction.size(); ++e) choice[e] += correction[e];
  const int size = static_cast<int>(choice.size()) / n.num_groups;
  std::vector<double> groups;
  for (int g = 0; g < n.num_groups; ++g)
    groups.push_back(n.num_groups == 1 ? 0
                                       : group_score({choice.begin() + g * size, choice.begin() + (g + 1) * size},
                                                     n.sum_of_best_two));
  const auto kept = take_best(groups, n.groups_per_token);
  for (int e = 0; e < static_cast<int>(choice.size()); ++e)
    if (std::find(kept.begin(), kept.end(), e / size) == kept.end()) choice[static_cast<std::size_t>(e)] = -INFINITY;
  ExpertChoice result;
  double chosen_sum = 0;
  for (const int e : take_best(choice, n.experts_per_token)) {
    result.emplace_back(e, scores[static_cast<std::size_t>(e)]);
    chosen_sum += result.back().second;
  }
  for (auto& [e, weight] : result) weight *= n.normalize ? n.scale / chosen_sum : n.scale;
  return result;
}

Rows gated_layer(const Rows& x, const WeightSource& weights, const std::string& path, const MoeNumbers& n) {
  Rows gate = reference_linear(x, weights, path + ".gate_proj");
  const Rows up = reference_linear(x, weights, path + ".up_proj");
  for (std::size_t t = 0; t < gate.size(); ++t)
    for (std::size_t i = 0; i < gate[t].size(); ++i) gate[t][i] = n.join(gate[t][i], up[t][i]);
  return reference_linear(gate, weights, path + ".down_proj");
}

void add_scaled(std::vector<double>& to, const std::vector<double>& x, double factor) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * x[i];
}

}  // namespace

std::vector<ExpertChoice> reference_route(const Rows& logits, const std::vector<double>& correction,
                                          const RoutingNumbers& n) {
  std::vector<ExpertChoice> result;
  for (const auto& row : logits) result.push_back(route_token(row, correction, n));
  return result;
}

Rows reference_moe(const Rows& x, const WeightSource& weights, const std::string& path, const MoeNumbers& n) {
  std::vector<double> correction;
  if (weights.find(path + ".gate.e_score_correction_bias")) {
    const Tensor t = to_f32(weights.load(path + ".gate.e_score_correction_bias"));
    correction.assign(t.values<float>().begin(), t.values<float>().end());
  }
  const auto choices = reference_route(reference_linear(x, weights, path + ".gate"), correction, n.routing);
  Rows out(x.size(), std::vector<double>(x.front().size(), 0.0));
  for (std::size_t t = 0; t < x.size(); ++t)
    for (const auto& [e, weight] : choices[t])
      add_scaled(out[t], gated_layer({x[t]}, weights, path + ".experts." + std::to_string(e), n).front(), weight);
  if (!n.shared) return out;
  const Rows shared = gated_layer(x, weights, path + ".shared_expert", n);
  for (std::size_t t = 0; t < x.size(); ++t) {
    const double logit = n.gated_shared ? reference_linear({x[t]}, weights, path + ".shared_expert_gate")[0][0] : 0;
    add_scaled(out[t], shared[t], n.gated_shared ? 1 / (1 + std::exp(-logit)) : 1);
  }
  return out;
}

double clamped_swiglu(double gate, double up, double alpha, double limit) {
  const double g = std::min(gate, limit), u = std::clamp(up, -limit, limit);
  return g / (1 + std::exp(-alpha * g)) * (u + 1);
}

}  // namespace ttt::test
