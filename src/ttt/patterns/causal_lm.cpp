#include "ttt/patterns/causal_lm.h"

#include <fmt/format.h>

#include <algorithm>

#include "ttt/core/error.h"
#include "ttt/ops/elementwise.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {
Matrix CausalLM::forward(Step& step) const { return forward(step, {}); }

Matrix CausalLM::forward(Step& step, const Hooks& hooks) const {
  const auto positions_used = step.plan().positions;
  if (max_positions > 0 && !positions_used.empty() && *std::ranges::max_element(positions_used) >= max_positions)
    throw RequestError("context", fmt::format("the model takes at most {} positions", max_positions));
  auto& workspace = step.workspace();
  const auto wanted = step.logit_rows();
  workspace.reserve(workspace_bytes(step.num_rows(), static_cast<std::int64_t>(wanted.size())));
  const Matrix logits = workspace.matrix(static_cast<std::int64_t>(wanted.size()), vocab_size());

  Workspace::Frame frame(workspace);
  const Matrix x = frame.matrix(step.num_rows(), hidden_size());
  embedding.forward(step, x);
  if (positions) positions->forward(step, x);
  if (hooks.hidden) hooks.hidden(0, x);
  layers.forward(x, step, [&](int i, ConstMatrix rows) {
    if (hooks.hidden) hooks.hidden(i + 1, rows);
    if (hooks.cancelled && hooks.cancelled()) throw RequestError("forward", "cancelled");
  });
  const Matrix last = frame.matrix(logits.rows, hidden_size());
  if (!wanted.empty()) ops::run<ops::Copy>(step.device(), {.x = x, .y = last, .rows = wanted});
  norm.forward(last, step, last);
  if (hooks.hidden) hooks.hidden(static_cast<int>(layers.size()) + 1, last);
  head.forward(last, step, logits);
  step.commit();
  return logits;
}

std::uint64_t CausalLM::weight_bytes() const {
  return embedding.weight_bytes() + (positions ? positions->weight_bytes() : 0) + layers.weight_bytes() +
         norm.weight_bytes() + head.weight_bytes();
}

std::uint64_t CausalLM::workspace_bytes(std::int64_t rows, std::int64_t logit_rows) const {
  const std::int64_t floats =
      rows * (hidden_size() + layers.workspace_cols()) + logit_rows * (hidden_size() + vocab_size());
  return Workspace::bytes_for(floats);
}

}  // namespace ttt::inline v2
