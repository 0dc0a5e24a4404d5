#pragma once
#include "ttt/ops/moe.h"

namespace ttt::cpu {

/// The kernel of ops::Experts: gathers each expert's tokens, and runs its layers over them at once.
void experts(Device& device, const ops::Experts::Args& args);

}  // namespace ttt::cpu
