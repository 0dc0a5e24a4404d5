#include "ttt/testing/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ttt/core/error.h"

namespace ttt::inline v2::testing {

Agreement compare(std::span<const float> got, std::span<const float> want) {
  if (got.size() != want.size() || got.empty())
    throw Error("compare", fmt::format("expected {} values, got {}", want.size(), got.size()));
  const double n = static_cast<double>(got.size());
  double mean_got = 0, mean_want = 0, max_diff = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double diff = std::abs(static_cast<double>(got[i]) - want[i]);
    if (std::isnan(diff)) return {0.0, std::numeric_limits<double>::infinity()};
    max_diff = std::max(max_diff, diff);
    mean_got += got[i] / n;
    mean_want += want[i] / n;
  }
  double covariance = 0, var_got = 0, var_want = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = got[i] - mean_got, b = want[i] - mean_want;
    covariance += a * b;
    var_got += a * a;
    var_want += b * b;
  }
  if (var_got == 0 || var_want == 0) return {max_diff == 0 ? 1.0 : 0.0, max_diff};
  return {covariance / std::sqrt(var_got * var_want), max_diff};
}

}  // namespace ttt::inline v2::testing
