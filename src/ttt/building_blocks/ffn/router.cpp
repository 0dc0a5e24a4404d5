#include "ttt/building_blocks/ffn/router.h"

#include <fmt/format.h>

#include <array>

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {
namespace {

Router::Config checked(const Router::Config& c, const std::string& path) {
  const auto reject = [&](const std::string& what) { throw ConfigError("Router " + path, what); };
  const auto& rule = c.rule;
  if (c.num_experts <= 0 || rule.experts_per_token <= 0 || rule.experts_per_token > c.num_experts)
    reject(fmt::format("cannot choose {} of {} experts", rule.experts_per_token, c.num_experts));
  if (!rule.groups) return c;
  const auto& g = *rule.groups;
  if (g.num_groups <= 0 || c.num_experts % g.num_groups != 0 || g.groups_per_token <= 0 ||
      g.groups_per_token > g.num_groups)
    reject(fmt::format("cannot choose {} of {} groups of {} experts", g.groups_per_token, g.num_groups, c.num_experts));
  const int size = c.num_experts / g.num_groups;
  if (g.score == ExpertGroups::Score::sum_of_best_two && size < 2) reject("groups of one expert have no best two");
  if (rule.experts_per_token > size * g.groups_per_token)
    reject(
        fmt::format("cannot choose {} experts of {} groups of {}", rule.experts_per_token, g.groups_per_token, size));
  return c;
}

}  // namespace

Router::Router(const Config& config, const Weights& weights, Device& device)
    : config_(checked(config, weights.path())) {
  const Tensor weight = weights.take("weight", {config.num_experts, config.hidden_size});
  const std::array<Tensor, 1> parts{weight.has_data() ? to_f32(weight)
                                                      : Tensor::without_data(DType::f32, weight.shape())};
  weight_ = ops::run<ops::PackMatrix>(device, {parts});
  if (config.bias) bias_ = device.upload(weights.take("bias", {config.num_experts}));
  if (config.correction_bias)
    correction_ = device.upload(weights.take("e_score_correction_bias", {config.num_experts}));
}

void Router::forward(ConstMatrix x, Step& step, Choice out) const {
  Workspace::Frame frame(step.workspace());
  const Matrix logits = frame.matrix(x.rows, config_.num_experts);
  ops::run<ops::Linear>(step.device(), {.weight = *weight_, .bias = bias_.get(), .x = x, .y = logits});
  ops::run<ops::Route>(step.device(), {.logits = logits,
                                       .rule = config_.rule,
                                       .correction = correction_.get(),
                                       .experts = out.experts,
                                       .weights = out.weights});
}

}  // namespace ttt::inline v2
