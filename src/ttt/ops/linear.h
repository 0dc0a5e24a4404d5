#pragma once
#include "ttt/core/matrix.h"
#include "ttt/ops/activation.h"
#include "ttt/ops/packed_matrix.h"

namespace ttt::inline v2::ops {

/// What happens to the destination of an op.
enum class Write {
  store,  ///< y = result
  add,    ///< y += result
};

/// Of multiplying `tokens` rows with a weight matrix.
Work product_work(const PackedMatrix& weight, std::int64_t tokens);

/// y[t, :] (=|+=) scale * activation(x[t, :] W^T + bias).
struct Linear {
  static constexpr std::string_view name = "linear";
  struct Args {
    const PackedMatrix& weight;                ///< [out, in]
    const float* bias = nullptr;               ///< [out] or null
    ConstMatrix x;                             ///< [tokens, in]
    Matrix y;                                  ///< [tokens, out]; must not overlap x
    Activation activation = Activation::none;  ///< of product and bias
    float scale = 1.0f;                        ///< after the activation
    Write write = Write::store;                ///< into y, or onto it
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
  static Work work(const Args&);
};

/// y[t, :] = activate(activation, x Wg^T + bg, x Wu^T + bu), plainly activation(gate) * up: the first half of a gated
/// feed-forward layer.
struct GatedLinear {
  static constexpr std::string_view name = "gated_linear";
  struct Args {
    const PackedMatrix& gate;                       ///< [out, in]
    const PackedMatrix& up;                         ///< [out, in]
    const float* gate_bias = nullptr;               ///< [out] or null
    const float* up_bias = nullptr;                 ///< [out] or null
    ConstMatrix x;                                  ///< [tokens, in]
    Matrix y;                                       ///< [tokens, out]; must not overlap x
    GatedActivation activation = Activation::silu;  ///< how gate and up are joined
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
  static Work work(const Args&);
};

/// y[t, :] = scale * W[ids[t], :] . Ids must be in [0, rows).
struct Embed {
  static constexpr std::string_view name = "embed";
  struct Args {
    const PackedMatrix& weight;         ///< [vocab, hidden]
    std::span<const std::int32_t> ids;  ///< the row of each row of y
    float scale = 1.0f;                 ///< multiplies every row
    Matrix y;                           ///< [ids, hidden]
    Write write = Write::store;         ///< into y, or onto it
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
};

}  // namespace ttt::inline v2::ops
