#include "ttt/ops/moe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "ttt/core/error.h"
#include "ttt/ops/shape_check.h"

namespace ttt::inline v2::ops {
namespace {

void score(RoutingRule::Scores kind, std::span<const float> logits, std::span<float> scores) {
  if (kind == RoutingRule::Scores::sigmoid) {
    std::ranges::transform(logits, scores.begin(), [](float v) { return 1.0f / (1.0f + std::exp(-v)); });
    return;
  }
  const float most = *std::ranges::max_element(logits);
  float sum = 0.0f;
  for (std::size_t e = 0; e < logits.size(); ++e) sum += scores[e] = std::exp(logits[e] - most);
  for (auto& s : scores) s /= sum;
}

/// The indices of the `count` largest values, in ascending order; ties go to the lower index.
std::vector<std::int32_t> best(std::span<const float> values, std::size_t count) {
  std::vector<std::int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  // A NaN counts as the least: an order that it breaks is undefined behaviour.
  const auto value = [&](std::int32_t i) {
    const float v = values[static_cast<std::size_t>(i)];
    return std::isnan(v) ? -std::numeric_limits<float>::infinity() : v;
  };
  std::ranges::sort(order, [&](auto a, auto b) { return value(a) != value(b) ? value(a) > value(b) : a < b; });
  order.resize(count);
  std::ranges::sort(order);
  return order;
}

/// Puts the experts of all but the best groups out of reach.
void keep_best_groups(const ExpertGroups& groups, std::span<float> choice) {
  const std::size_t size = choice.size() / static_cast<std::size_t>(groups.num_groups);
  std::vector<float> scores;
  for (std::size_t first = 0; first < choice.size(); first += size) {
    std::vector<float> group(choice.begin() + static_cast<std::ptrdiff_t>(first),
                             choice.begin() + static_cast<std::ptrdiff_t>(first + size));
    std::ranges::sort(group, std::greater{});
    scores.push_back(groups.score == ExpertGroups::Score::best ? group[0] : group[0] + group[1]);
  }
  const auto kept = best(scores, static_cast<std::size_t>(groups.groups_per_token));
  for (std::size_t e = 0; e < choice.size(); ++e)
    if (!std::ranges::binary_search(kept, static_cast<std::int32_t>(e / size))) choice[e] = -INFINITY;
}

}  // namespace

void Route::check(const Args& a) {
  const std::int64_t choices = a.logits.rows * a.rule.experts_per_token;
  expect_count(name, "experts", static_cast<std::int64_t>(a.experts.size()), choices);
  expect_count(name, "weights", static_cast<std::int64_t>(a.weights.size()), choices);
  if (a.rule.experts_per_token <= 0 || a.rule.experts_per_token > a.logits.cols)
    throw ShapeError(name, fmt::format("{} experts a token, of {}", a.rule.experts_per_token, a.logits.cols));
  if (a.rule.groups && (a.rule.groups->num_groups <= 0 || a.logits.cols % a.rule.groups->num_groups != 0))
    throw ShapeError(name, fmt::format("{} experts do not make {} groups", a.logits.cols, a.rule.groups->num_groups));
}

void Experts::check(const Args& a) {
  expect_shape(name, "y", a.y, a.x.rows, a.x.cols);
  expect_count(name, "weights", static_cast<std::int64_t>(a.weights.size()),
               static_cast<std::int64_t>(a.chosen.size()));
  if (a.x.rows > 0)
    expect_count(name, "choices beyond whole tokens", static_cast<std::int64_t>(a.chosen.size()) % a.x.rows, 0);
  for (const auto expert : a.chosen)
    if (expert < 0 || static_cast<std::size_t>(expert) >= a.all.size())
      throw ShapeError(name, fmt::format("expert {} of {}", expert, a.all.size()));
  for (const auto& expert : a.all) {
    expect_count(name, "columns of gate", expert.gate->cols(), a.x.cols);
    expect_count(name, "rows of down", expert.down->rows(), a.y.cols);
    expect_count(name, "rows of up", expert.up->rows(), expert.gate->rows());
    expect_count(name, "columns of up", expert.up->cols(), expert.gate->cols());
    expect_count(name, "columns of down", expert.down->cols(), expert.gate->rows());
  }
}

void Route::reference(Device&, const Args& a) {
  const auto num_experts = static_cast<std::size_t>(a.logits.cols),
             k = static_cast<std::size_t>(a.rule.experts_per_token);
  std::vector<float> scores(num_experts), choice(num_experts);
  for (std::int64_t t = 0; t < a.logits.rows; ++t) {
    score(a.rule.scores, {a.logits.row(t), num_experts}, scores);
    for (std::size_t e = 0; e < num_experts; ++e) choice[e] = scores[e] + (a.correction ? a.correction[e] : 0.0f);
    if (a.rule.groups) keep_best_groups(*a.rule.groups, choice);
    const auto chosen = best(choice, k);
    float sum = 0.0f;
    for (const auto e : chosen) sum += scores[static_cast<std::size_t>(e)];
    const float factor = a.rule.normalize_selected ? a.rule.scale / (sum + 1e-20f) : a.rule.scale;
    for (std::size_t i = 0; i < k; ++i) {
      const auto at = static_cast<std::size_t>(t) * k + i;
      a.experts[at] = chosen[i];
      a.weights[at] = factor * scores[static_cast<std::size_t>(chosen[i])];
    }
  }
}

void Experts::reference(Device& device, const Args& a) {
  if (a.x.rows == 0) return;
  if (a.write == Write::store)
    for (std::int64_t t = 0; t < a.y.rows; ++t) std::fill_n(a.y.row(t), a.y.cols, 0.0f);
  const std::size_t k = a.chosen.size() / static_cast<std::size_t>(a.x.rows);
  std::vector<float> hidden, out(static_cast<std::size_t>(a.x.cols));
  for (std::int64_t t = 0; t < a.x.rows; ++t)
    for (std::size_t i = 0; i < k; ++i) {
      const auto at = static_cast<std::size_t>(t) * k + i;
      const Expert& e = a.all[static_cast<std::size_t>(a.chosen[at])];
      hidden.resize(static_cast<std::size_t>(e.gate->rows()));
      const Matrix h(hidden.data(), 1, e.gate->rows()), y(out.data(), 1, a.x.cols);
      GatedLinear::reference(device, {.gate = *e.gate,
                                      .up = *e.up,
                                      .gate_bias = e.gate_bias,
                                      .up_bias = e.up_bias,
                                      .x = a.x.row_range(t, 1),
                                      .y = h,
                                      .activation = a.activation});
      Linear::reference(device, {.weight = *e.down, .bias = e.down_bias, .x = h, .y = y});
      for (std::int64_t c = 0; c < a.y.cols; ++c) a.y.row(t)[c] += a.scale * a.weights[at] * y.row(0)[c];
    }
}

Work Experts::work(const Args& a) {
  std::vector<std::int64_t> tokens(a.all.size());
  for (const auto e : a.chosen) ++tokens[static_cast<std::size_t>(e)];
  Work total;
  for (std::size_t e = 0; e < a.all.size(); ++e) {
    if (tokens[e] == 0) continue;
    for (const auto* matrix : {a.all[e].gate, a.all[e].up, a.all[e].down}) {
      const Work part = product_work(*matrix, tokens[e]);
      total.flops += part.flops;
      total.bytes += part.bytes;
    }
  }
  return total;
}

}  // namespace ttt::inline v2::ops
