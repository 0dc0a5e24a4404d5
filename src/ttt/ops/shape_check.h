#pragma once
#include <cstdint>
#include <string_view>

#include "ttt/core/matrix.h"

namespace ttt::inline v2::ops {

/// Throws ShapeError, naming the op and its argument, unless `matrix` has those sizes.
void expect_shape(std::string_view op, std::string_view argument, ConstMatrix matrix, std::int64_t rows,
                  std::int64_t cols);

/// Throws ShapeError unless `got` equals `expected`; `what` says of what these are counts.
void expect_count(std::string_view op, std::string_view what, std::int64_t got, std::int64_t expected);

}  // namespace ttt::inline v2::ops
