#include "ttt/ops/norm.h"

#include <fmt/format.h>

#include <cmath>

#include "ttt/core/error.h"
#include "ttt/ops/shape_check.h"

namespace ttt::inline v2::ops {
namespace {

/// Calls `normalise(x, y, n, w)` for every group of columns.
template <class Args, class F>
void for_each_group(const Args& a, F normalise) {
  const std::int64_t n = a.group > 0 ? a.group : a.x.cols;
  for (std::int64_t t = 0; t < a.x.rows; ++t)
    for (std::int64_t first = 0; first < a.x.cols; first += n)
      normalise(a.x.row(t) + first, a.y.row(t) + first, n, first / n * a.weight_stride);
}

void write(float& y, double value, Write mode) { y = static_cast<float>(mode == Write::add ? y + value : value); }

/// The same for both norms.
template <class Args>
void check_norm(std::string_view op, const Args& a) {
  expect_shape(op, "y", a.y, a.x.rows, a.x.cols);
  if (a.group < 0 || (a.group > 0 && a.x.cols % a.group != 0))
    throw ShapeError(op, fmt::format("{} columns are not groups of {}", a.x.cols, a.group));
}

}  // namespace

void RmsNorm::check(const Args& a) { check_norm(name, a); }

void LayerNorm::check(const Args& a) { check_norm(name, a); }

void RmsNorm::reference(Device&, const Args& a) {
  for_each_group(a, [&](const float* x, float* y, std::int64_t n, std::int64_t w) {
    double squares = 0;
    for (std::int64_t i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * x[i];
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(n) + a.eps);
    for (std::int64_t i = 0; i < n; ++i) write(y[i], x[i] * scale * (a.weight ? a.weight[w + i] : 1.0f), a.write);
  });
}

void LayerNorm::reference(Device&, const Args& a) {
  for_each_group(a, [&](const float* x, float* y, std::int64_t n, std::int64_t w) {
    double mean = 0, var = 0;
    for (std::int64_t i = 0; i < n; ++i) mean += x[i] / static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i) var += (x[i] - mean) * (x[i] - mean) / static_cast<double>(n);
    const double scale = 1.0 / std::sqrt(var + a.eps);
    for (std::int64_t i = 0; i < n; ++i)
      write(y[i], (x[i] - mean) * scale * (a.weight ? a.weight[w + i] : 1.0f) + (a.bias ? a.bias[w + i] : 0.0f),
            a.write);
  });
}

}  // namespace ttt::inline v2::ops
