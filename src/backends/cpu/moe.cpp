#include "moe.h"

#include <algorithm>
#include <vector>

#include "linear.h"

namespace ttt::cpu {
namespace {

/// A token that an expert serves, and its weight.
struct Assignment {
  std::int64_t token;
  float weight;
};

/// Scratch for one expert's tokens, kept by the calling thread from call to call.
Matrix scratch(std::vector<float>& buffer, std::int64_t rows, std::int64_t cols) {
  const auto size = static_cast<std::size_t>(rows * cols);
  if (buffer.size() < size) buffer.resize(size);
  return {buffer.data(), rows, cols};
}

void run_expert(Device& device, const ops::Experts::Args& a, const ops::Expert& e, std::span<const Assignment> tokens) {
  thread_local std::vector<float> in_buffer, hidden_buffer, out_buffer;
  const auto n = static_cast<std::int64_t>(tokens.size());
  const Matrix x = scratch(in_buffer, n, a.x.cols), h = scratch(hidden_buffer, n, e.gate->rows()),
               y = scratch(out_buffer, n, a.y.cols);
  for (std::int64_t i = 0; i < n; ++i)
    std::copy_n(a.x.row(tokens[static_cast<std::size_t>(i)].token), a.x.cols, x.row(i));
  gated_linear(device, {.gate = *e.gate,
                        .up = *e.up,
                        .gate_bias = e.gate_bias,
                        .up_bias = e.up_bias,
                        .x = x,
                        .y = h,
                        .activation = a.activation});
  linear(device, {.weight = *e.down, .bias = e.down_bias, .x = h, .y = y});
  for (std::int64_t i = 0; i < n; ++i) {
    const auto& [token, weight] = tokens[static_cast<std::size_t>(i)];
    const float scale = a.scale * weight;
    float* to = a.y.row(token);
    for (std::int64_t c = 0; c < a.y.cols; ++c) to[c] += scale * y.row(i)[c];
  }
}

}  // namespace

void experts(Device& device, const ops::Experts::Args& a) {
  if (a.x.rows == 0) return;
  if (a.write == ops::Write::store)
    for (std::int64_t t = 0; t < a.y.rows; ++t) std::fill_n(a.y.row(t), a.y.cols, 0.0f);
  const std::size_t k = a.chosen.size() / static_cast<std::size_t>(a.x.rows);
  std::vector<std::vector<Assignment>> by_expert(a.all.size());
  for (std::size_t i = 0; i < a.chosen.size(); ++i)
    by_expert[static_cast<std::size_t>(a.chosen[i])].push_back({static_cast<std::int64_t>(i / k), a.weights[i]});
  // Experts in ascending order: every token adds its own in that order, whoever else is in the batch.
  for (std::size_t e = 0; e < by_expert.size(); ++e)
    if (!by_expert[e].empty()) run_expert(device, a, a.all[e], by_expert[e]);
}

}  // namespace ttt::cpu
