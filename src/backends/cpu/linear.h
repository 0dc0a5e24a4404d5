#pragma once
#include "ttt/ops/linear.h"

namespace ttt::cpu {

/// The kernels of ops::Linear, ops::GatedLinear and ops::Embed.
void linear(Device& device, const ops::Linear::Args& args);
void gated_linear(Device& device, const ops::GatedLinear::Args& args);
void embed(Device& device, const ops::Embed::Args& args);

}  // namespace ttt::cpu
