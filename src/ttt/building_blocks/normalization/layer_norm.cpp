#include "ttt/building_blocks/normalization/layer_norm.h"

#include <cmath>
#include <string>

#include "ttt/core/error.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {
namespace {

const LayerNorm::Config& checked(const LayerNorm::Config& config, const Weights& weights) {
  if (config.eps >= 0 && std::isfinite(config.eps)) return config;
  throw ConfigError("LayerNorm " + weights.path(), "eps must be a number from 0 on, got " + std::to_string(config.eps));
}

}  // namespace

LayerNorm::LayerNorm(const Config& config, const Weights& weights, Device& device)
    : config_(checked(config, weights)), weight_(device.upload(weights.take("weight", {config.size}))) {
  if (config.bias) bias_ = device.upload(weights.take("bias", {config.size}));
}

void LayerNorm::forward(ConstMatrix x, Step& step, Matrix y, Write write) const {
  ops::run<ops::LayerNorm>(step.device(), {.x = x,
                                           .weight = weight_.get(),
                                           .bias = bias_.get(),
                                           .eps = config_.eps,
                                           .y = y,
                                           .write = write,
                                           .group = config_.size});
}

}  // namespace ttt::inline v2
