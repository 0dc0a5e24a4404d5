#pragma once
#include "ttt/core/matrix.h"
#include "ttt/ops/linear.h"

namespace ttt::inline v2::ops {

/// y[t, :] (=|+=) x[t, :] / sqrt(mean(x[t, :]^2) + eps) * weight, in f32. y may be x.
/// `weight` null is all ones. With `group` set, every `group` columns are normalised on their own, by
/// the same weight [group] or each by its own (query-key norm over heads).
struct RmsNorm {
  static constexpr std::string_view name = "rms_norm";
  struct Args {
    ConstMatrix x;                   ///< [tokens, cols]
    const float* weight = nullptr;   ///< [cols], or as `group` says; null: ones
    float eps;                       ///< added to the mean square
    Matrix y;                        ///< [tokens, cols]
    Write write = Write::store;      ///< into y, or onto it
    std::int64_t group = 0;          ///< 0: the whole row
    std::int64_t weight_stride = 0;  ///< from one group's weights to the next one's; 0: all share one [group]
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
};

/// y[t, :] (=|+=) (x - mean) / sqrt(var + eps) * weight + bias, biased variance, in f32. y may be x.
struct LayerNorm {
  static constexpr std::string_view name = "layer_norm";
  struct Args {
    ConstMatrix x;                   ///< [tokens, cols]
    const float* weight = nullptr;   ///< [cols], or as `group` says; null: ones
    const float* bias = nullptr;     ///< as weight; null: zeros
    float eps;                       ///< added to the variance
    Matrix y;                        ///< [tokens, cols]
    Write write = Write::store;      ///< into y, or onto it
    std::int64_t group = 0;          ///< 0: the whole row
    std::int64_t weight_stride = 0;  ///< also of the bias
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
};

}  // namespace ttt::inline v2::ops
