#pragma once
#include <cstdint>
#include <span>

namespace ttt::inline v2::testing {

/// How closely `got` follows `want`.
struct Agreement {
  double pcc;           ///< Pearson correlation; 1 when both are constant and equal, NaN never
  double max_abs_diff;  ///< infinity when either has a NaN
};

/// Throws ttt::Error when the sizes differ or are zero.
Agreement compare(std::span<const float> got, std::span<const float> want);

}  // namespace ttt::inline v2::testing
