#pragma once
#include "ttt/ops/linear.h"

namespace ttt::inline v2 {

using ops::Write;

/// Where a block's result y goes: out = scale * y, or out += scale * y (a residual stream).
struct BlockOutput {
  Write write = Write::store;  ///< stored, or added to what is there
  float scale = 1.0f;          ///< multiplies y first
};

}  // namespace ttt::inline v2
