#include "ttt/building_blocks/normalization/rms_norm.h"

#include "ttt/ops/kernel_table.h"

namespace ttt {

RMSNorm::RMSNorm(const Config& config, const Weights& weights, Device& device)
    : config_(config), weight_(device.upload(weights.take("weight", {config.size}))) {}

void RMSNorm::forward(ConstMatrix x, Step& step, Matrix y, Write write) const {
  // Rows wider than `size` hold several vectors side by side, each normalised on its own (query-key norm).
  ops::run<ops::RmsNorm>(
      step.device(),
      {.x = x, .weight = weight_.get(), .eps = config_.eps, .y = y, .write = write, .group = config_.size});
}

}  // namespace ttt
