#pragma once
#include "ttt/ops/norm.h"

namespace ttt::cpu {

/// The kernels of ops::RmsNorm and ops::LayerNorm: sixteen partial sums in a fixed order.
void rms_norm(Device& device, const ops::RmsNorm::Args& args);
void layer_norm(Device& device, const ops::LayerNorm::Args& args);

}  // namespace ttt::cpu
