#pragma once
#include <span>

#include "ttt/core/matrix.h"
#include "ttt/hardware/device.h"

namespace ttt::inline v2::ops {

/// y[t, :] = x[rows[t], :], or x[t, :] without `rows`.
struct Copy {
  static constexpr std::string_view name = "copy";
  struct Args {
    ConstMatrix x;                            ///< [any, cols]
    Matrix y;                                 ///< [tokens, cols]; must not overlap x
    std::span<const std::int32_t> rows = {};  ///< of x, one for each row of y
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
};

/// y[t, :] += scale * sigmoid(gate[t, 0]) * x[t, :]; without a gate, scale * x[t, :].
struct AddGated {
  static constexpr std::string_view name = "add_gated";
  struct Args {
    ConstMatrix x;       ///< [tokens, cols]
    ConstMatrix gate;    ///< [tokens, 1], or empty
    Matrix y;            ///< [tokens, cols], added to
    float scale = 1.0f;  ///< multiplies x too
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
};

/// y = cap * tanh(y / cap), element by element.
struct Softcap {
  static constexpr std::string_view name = "softcap";
  struct Args {
    Matrix y;   ///< in place
    float cap;  ///< above 0
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
};

}  // namespace ttt::inline v2::ops
