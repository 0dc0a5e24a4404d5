#pragma once
#include "ttt/ops/linear.h"

namespace ttt::inline v2 {

using ops::Write;

/// Where a block's result y goes: out = scale * y, or out += scale * y (a residual stream).
struct BlockOutput {
  Write write = Write::store;
  float scale = 1.0f;
};

}  // namespace ttt::inline v2
