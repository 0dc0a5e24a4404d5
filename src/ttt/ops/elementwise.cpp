#include "ttt/ops/elementwise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ttt/core/error.h"
#include "ttt/ops/shape_check.h"

namespace ttt::inline v2::ops {

void Copy::check(const Args& a) {
  if (a.rows.empty()) return expect_shape(name, "y", a.y, a.x.rows, a.x.cols);
  expect_shape(name, "y", a.y, static_cast<std::int64_t>(a.rows.size()), a.x.cols);
  for (const auto row : a.rows)
    if (row < 0 || row >= a.x.rows) throw ShapeError(name, fmt::format("row {} of {} rows", row, a.x.rows));
}

void AddGated::check(const Args& a) {
  expect_shape(name, "y", a.y, a.x.rows, a.x.cols);
  if (a.gate.data != nullptr) expect_shape(name, "gate", a.gate, a.x.rows, 1);
}

void Softcap::check(const Args& a) {
  if (!(a.cap > 0)) throw ShapeError(name, fmt::format("cap {} must be positive", a.cap));
}

void Copy::reference(Device&, const Args& a) {
  for (std::int64_t t = 0; t < a.y.rows; ++t)
    std::copy_n(a.x.row(a.rows.empty() ? t : a.rows[static_cast<std::size_t>(t)]), a.y.cols, a.y.row(t));
}

void AddGated::reference(Device&, const Args& a) {
  for (std::int64_t t = 0; t < a.y.rows; ++t) {
    const float factor = a.gate.data == nullptr ? a.scale : a.scale / (1.0f + std::exp(-a.gate.row(t)[0]));
    for (std::int64_t i = 0; i < a.y.cols; ++i) a.y.row(t)[i] += factor * a.x.row(t)[i];
  }
}

void Softcap::reference(Device&, const Args& a) {
  for (std::int64_t t = 0; t < a.y.rows; ++t)
    for (float *v = a.y.row(t), *end = v + a.y.cols; v != end; ++v) *v = a.cap * std::tanh(*v / a.cap);
}

}  // namespace ttt::inline v2::ops
