#include "moe.h"

#include <algorithm>
#include <vector>

#include "linear.h"
#include "linear_kernels.h"
#include "packed_matrix.h"
#include "scratch.h"

namespace ttt::cpu {
namespace {

/// A token that an expert serves, and its weight.
struct Assignment {
  std::int64_t token;
  float weight;
};

using ByExpert = std::vector<std::vector<Assignment>>;

Matrix matrix_in(Scratch<float>& scratch, std::int64_t rows, std::int64_t cols) {
  return {scratch.at_least(static_cast<std::size_t>(rows * cols)), rows, cols};
}

/// Inputs, inner activations and outputs of `rows` tokens, in memory that the calling thread keeps.
struct ExpertRows {
  Matrix x, h, y;

  ExpertRows(const ops::Experts::Args& a, const ops::Expert& e, std::int64_t rows) {
    thread_local Scratch<float> in, inner, out;
    x = matrix_in(in, rows, a.x.cols);
    h = matrix_in(inner, rows, e.gate->rows());
    y = matrix_in(out, rows, a.y.cols);
  }
};

/// y += scale * x
void add_scaled(float scale, const float* x, float* y, std::int64_t count) {
  for (std::int64_t c = 0; c < count; ++c) y[c] += scale * x[c];
}

void run_expert(CpuDevice& device, const ops::Experts::Args& a, const ops::Expert& e,
                std::span<const Assignment> tokens) {
  const auto n = static_cast<std::int64_t>(tokens.size());
  const ExpertRows s(a, e, n);
  for (std::int64_t i = 0; i < n; ++i)
    std::copy_n(a.x.row(tokens[static_cast<std::size_t>(i)].token), a.x.cols, s.x.row(i));
  const GatedPart gated{e.gate, e.up, e.gate_bias, e.up_bias, 0, n};
  const LinearPart down{e.down, e.down_bias, 0, n};
  gated_parts(device, {&gated, 1}, s.x, s.h, a.activation);
  linear_parts(device, {&down, 1}, s.h, s.y);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto& [token, weight] = tokens[static_cast<std::size_t>(i)];
    add_scaled(a.scale * weight, s.y.row(i), a.y.row(token), a.y.cols);
  }
}

/// A token's place among the rows of all experts, and its weight there.
struct Row {
  std::int64_t row;
  float weight;
};

/// All experts at once, which are alike: where each serves few tokens, threads would else meet more often than they
/// work.
void run_together(CpuDevice& device, const ops::Experts::Args& a, const ByExpert& by_expert) {
  const ops::Expert* model = nullptr;
  std::vector<GatedPart> gated;
  std::vector<LinearPart> down;
  std::vector<std::int64_t> token_of_row;
  std::vector<std::vector<Row>> rows_of_token(static_cast<std::size_t>(a.x.rows));  // in the experts' order
  for (std::size_t e = 0; e < by_expert.size(); ++e) {
    const auto& tokens = by_expert[e];
    if (tokens.empty()) continue;
    const auto first = static_cast<std::int64_t>(token_of_row.size()), count = static_cast<std::int64_t>(tokens.size());
    const ops::Expert& expert = a.all[e];
    model = &expert;
    gated.push_back({expert.gate, expert.up, expert.gate_bias, expert.up_bias, first, count});
    down.push_back({expert.down, expert.down_bias, first, count});
    for (const auto& [token, weight] : tokens) {
      rows_of_token[static_cast<std::size_t>(token)].push_back(
          {static_cast<std::int64_t>(token_of_row.size()), weight});
      token_of_row.push_back(token);
    }
  }
  const auto rows = static_cast<std::int64_t>(token_of_row.size());
  const ExpertRows s(a, *model, rows);
  device.pool().run(rows, [&](std::int64_t r) {
    std::copy_n(a.x.row(token_of_row[static_cast<std::size_t>(r)]), a.x.cols, s.x.row(r));
  });
  gated_parts(device, gated, s.x, s.h, a.activation);
  linear_parts(device, down, s.h, s.y);
  constexpr std::int64_t kTaskCols = 1024;
  const std::int64_t parts = (a.y.cols + kTaskCols - 1) / kTaskCols;
  device.pool().run(a.x.rows * parts, [&](std::int64_t task) {
    const std::int64_t token = task / parts, col = task % parts * kTaskCols, cols = std::min(kTaskCols, a.y.cols - col);
    for (const auto& [row, weight] : rows_of_token[static_cast<std::size_t>(token)])
      add_scaled(a.scale * weight, s.y.row(row) + col, a.y.row(token) + col, cols);
  });
}

/// Whether both have the same inner size, and matrices of the same kinds: kernels are chosen for all parts of a call.
bool are_alike(const ops::Expert& a, const ops::Expert& b) {
  const auto same = [](const ops::PackedMatrix* x, const ops::PackedMatrix* y) {
    return std::ranges::equal(static_cast<const CpuPackedMatrix*>(x)->sections(),
                              static_cast<const CpuPackedMatrix*>(y)->sections(), [](const auto& s, const auto& t) {
                                return s.layout.kind == t.layout.kind ||
                                       (is_bf16(s.layout.kind) && is_bf16(t.layout.kind));
                              });
  };
  return a.gate->rows() == b.gate->rows() && same(a.gate, b.gate) && same(a.up, b.up) && same(a.down, b.down);
}

/// Where every expert serves few tokens, and their copies take no more room than a step of a prompt.
bool do_together(const ops::Experts::Args& a, const ByExpert& by_expert) {
  constexpr std::size_t kMostRows = 512, kMostOfOne = 15;
  if (a.chosen.size() > kMostRows) return false;
  const auto first = std::ranges::find_if(by_expert, [](const auto& tokens) { return !tokens.empty(); });
  const ops::Expert& model = a.all[static_cast<std::size_t>(first - by_expert.begin())];
  for (std::size_t e = 0; e < by_expert.size(); ++e)
    if (!by_expert[e].empty() && (by_expert[e].size() > kMostOfOne || !are_alike(model, a.all[e]))) return false;
  return true;
}

}  // namespace

void route(Device& device, const ops::Route::Args& a) {
  constexpr std::int64_t kTokens = 4;  // of a task, which takes as long as a thread's start
  const std::int64_t tokens = a.logits.rows;
  const auto chosen = static_cast<std::size_t>(a.rule.experts_per_token);
  cpu_device(device).pool().run((tokens + kTokens - 1) / kTokens, [&](std::int64_t task) {
    const std::int64_t first = task * kTokens, count = std::min(kTokens, tokens - first);
    const auto at = static_cast<std::size_t>(first) * chosen, values = static_cast<std::size_t>(count) * chosen;
    ops::Route::reference(device, {.logits = a.logits.row_range(first, count),
                                   .rule = a.rule,
                                   .correction = a.correction,
                                   .experts = a.experts.subspan(at, values),
                                   .weights = a.weights.subspan(at, values)});
  });
}

void experts(Device& device, const ops::Experts::Args& a) {
  if (a.write == ops::Write::store)
    for (std::int64_t t = 0; t < a.y.rows; ++t) std::fill_n(a.y.row(t), a.y.cols, 0.0f);
  if (a.chosen.empty()) return;
  const std::size_t k = a.chosen.size() / static_cast<std::size_t>(a.x.rows);
  ByExpert by_expert(a.all.size());
  for (std::size_t i = 0; i < a.chosen.size(); ++i)
    by_expert[static_cast<std::size_t>(a.chosen[i])].push_back({static_cast<std::int64_t>(i / k), a.weights[i]});
  // Experts in ascending order: every token adds its own in that order, whoever else is in the batch.
  auto& cpu = cpu_device(device);
  if (do_together(a, by_expert)) return run_together(cpu, a, by_expert);
  for (std::size_t e = 0; e < by_expert.size(); ++e)
    if (!by_expert[e].empty()) run_expert(cpu, a, a.all[e], by_expert[e]);
}

}  // namespace ttt::cpu
