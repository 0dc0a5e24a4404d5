#pragma once
#include "ttt/ops/elementwise.h"

namespace ttt::cpu {

/// The kernel of ops::Softcap, whose rows may be logits of a large vocabulary: in tasks of a fixed length.
void softcap(Device& device, const ops::Softcap::Args& args);

}  // namespace ttt::cpu
