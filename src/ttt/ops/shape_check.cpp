#include "ttt/ops/shape_check.h"

#include <fmt/format.h>

#include "ttt/core/error.h"

namespace ttt::inline v2::ops {

void expect_shape(std::string_view op, std::string_view argument, ConstMatrix matrix, std::int64_t rows,
                  std::int64_t cols) {
  if (matrix.rows != rows || matrix.cols != cols)
    throw ShapeError(
        op, fmt::format("{}: expected [{}, {}], got [{}, {}]", argument, rows, cols, matrix.rows, matrix.cols));
}

void expect_count(std::string_view op, std::string_view what, std::int64_t got, std::int64_t expected) {
  if (got != expected) throw ShapeError(op, fmt::format("{}: expected {}, got {}", what, expected, got));
}

}  // namespace ttt::inline v2::ops
