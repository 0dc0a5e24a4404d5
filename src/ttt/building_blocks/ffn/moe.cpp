#include "ttt/building_blocks/ffn/moe.h"

#include <algorithm>

#include "ttt/ops/elementwise.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {

MixtureOfExperts::MixtureOfExperts(const Config& c, const Weights& weights, Device& device)
    : activation_(c.activation), router_(c.router, weights / "gate", device) {
  const int hidden_size = c.router.hidden_size;
  const GatedFFN::Config expert{hidden_size, c.intermediate_size, c.activation, c.bias};
  for (int e = 0; e < c.router.num_experts; ++e) experts_.emplace_back(expert, weights / "experts" / e, device);
  for (const auto& e : experts_) table_.push_back(e.as_expert());
  if (!c.shared) return;
  shared_.emplace(GatedFFN::Config{hidden_size, c.shared->intermediate_size, c.activation, c.shared->bias},
                  weights / "shared_expert", device);
  if (c.shared->gated) shared_gate_.emplace(Linear::Config{hidden_size, 1}, weights / "shared_expert_gate", device);
}

void MixtureOfExperts::forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output) const {
  std::vector<std::int32_t> experts(router_.choices(x.rows));
  std::vector<float> weights(experts.size());
  router_.forward(x, step, {experts, weights});
  ops::run<ops::Experts>(step.device(), {.all = table_,
                                         .chosen = experts,
                                         .weights = weights,
                                         .x = x,
                                         .y = out,
                                         .activation = activation_,
                                         .scale = output.scale,
                                         .write = output.write});
  if (shared_) add_shared(x, step, out, output.scale);
}

void MixtureOfExperts::add_shared(ConstMatrix x, Step& step, Matrix out, float scale) const {
  if (!shared_gate_) return shared_->forward(x, step, out, {Write::add, scale});
  Workspace::Frame frame(step.workspace());
  const Matrix gate = frame.matrix(x.rows, 1), y = frame.matrix(x.rows, out.cols);
  shared_gate_->forward(x, step, gate);
  shared_->forward(x, step, y);
  ops::run<ops::AddGated>(step.device(), {.x = y, .gate = gate, .y = out, .scale = scale});
}

std::uint64_t MixtureOfExperts::weight_bytes() const {
  std::uint64_t total = router_.weight_bytes();
  for (const auto& e : experts_) total += e.weight_bytes();
  if (shared_) total += shared_->weight_bytes();
  if (shared_gate_) total += shared_gate_->weight_bytes();
  return total;
}

std::int64_t MixtureOfExperts::workspace_cols() const {
  const std::int64_t shared = shared_ ? shared_->workspace_cols() + shared_->hidden_size() + 16 : 0;
  return std::max<std::int64_t>(router_.num_experts(), shared);
}

}  // namespace ttt::inline v2
