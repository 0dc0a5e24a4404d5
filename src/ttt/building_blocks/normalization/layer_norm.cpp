#include "ttt/building_blocks/normalization/layer_norm.h"

#include "ttt/ops/kernel_table.h"

namespace ttt {

LayerNorm::LayerNorm(const Config& config, const Weights& weights, Device& device)
    : config_(config), weight_(device.upload(weights.take("weight", {config.size}))) {
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

}  // namespace ttt
