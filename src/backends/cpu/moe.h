#pragma once
#include "ttt/ops/moe.h"

namespace ttt::cpu {

/// The kernel of ops::Route: the reference, with the tokens shared out.
void route(Device& device, const ops::Route::Args& args);

/// The kernel of ops::Experts: gathers each expert's tokens, and runs its layers over them at once.
void experts(Device& device, const ops::Experts::Args& args);

}  // namespace ttt::cpu
