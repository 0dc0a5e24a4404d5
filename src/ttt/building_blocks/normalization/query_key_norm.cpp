#include "ttt/building_blocks/normalization/query_key_norm.h"

#include "ttt/ops/kernel_table.h"
#include "ttt/ops/norm.h"

namespace ttt::inline v2 {
namespace {

std::shared_ptr<const float> take(std::string_view name, QueryKeyNorm::Scope scope, int num_heads, int head_dim,
                                  const Weights& weights, Device& device) {
  if (scope == QueryKeyNorm::Scope::shared) return device.upload(weights.take(name, {head_dim}));
  const auto found = weights.find(name);
  const bool by_head = scope == QueryKeyNorm::Scope::per_head && found && found->shape.rank() == 2;
  return device.upload(by_head ? weights.take(name, {num_heads, head_dim})
                               : weights.take(name, {num_heads * head_dim}));
}

}  // namespace

QueryKeyNorm::QueryKeyNorm(const Config& config, int num_heads, int head_dim, const Weights& weights, Device& device)
    : config_(config),
      num_heads_(num_heads),
      head_dim_(head_dim),
      weight_(take("weight", config.scope, num_heads, head_dim, weights, device)) {
  if (config.bias) bias_ = take("bias", config.scope, num_heads, head_dim, weights, device);
}

void QueryKeyNorm::forward(Matrix x, Step& step) const {
  const std::int64_t group = config_.scope == Scope::all_heads ? x.cols : head_dim_;
  const std::int64_t stride = config_.scope == Scope::per_head ? head_dim_ : 0;
  if (config_.kind == Kind::rms)
    ops::run<ops::RmsNorm>(
        step.device(),
        {.x = x, .weight = weight_.get(), .eps = config_.eps, .y = x, .group = group, .weight_stride = stride});
  else
    ops::run<ops::LayerNorm>(step.device(), {.x = x,
                                             .weight = weight_.get(),
                                             .bias = bias_.get(),
                                             .eps = config_.eps,
                                             .y = x,
                                             .group = group,
                                             .weight_stride = stride});
}

std::uint64_t QueryKeyNorm::weight_bytes() const {
  const auto count = static_cast<std::uint64_t>(config_.scope == Scope::shared ? 1 : num_heads_) *
                     static_cast<std::uint64_t>(head_dim_);
  return count * sizeof(float) * (config_.bias ? 2 : 1);
}

}  // namespace ttt::inline v2
