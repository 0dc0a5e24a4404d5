#include "ttt/building_blocks/normalization/rms_norm.h"

#include <cmath>
#include <string>

#include "ttt/core/error.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {
namespace {

const RMSNorm::Config& checked(const RMSNorm::Config& config, const Weights& weights) {
  if (config.eps >= 0 && std::isfinite(config.eps)) return config;
  throw ConfigError("RMSNorm " + weights.path(), "eps must be a number from 0 on, got " + std::to_string(config.eps));
}

}  // namespace

RMSNorm::RMSNorm(const Config& config, const Weights& weights, Device& device)
    : config_(checked(config, weights)), weight_(device.upload(weights.take("weight", {config.size}))) {}

void RMSNorm::forward(ConstMatrix x, Step& step, Matrix y, Write write) const {
  // Rows wider than `size` hold several vectors side by side, each normalised on its own (query-key norm).
  ops::run<ops::RmsNorm>(
      step.device(),
      {.x = x, .weight = weight_.get(), .eps = config_.eps, .y = y, .write = write, .group = config_.size});
}

}  // namespace ttt::inline v2
