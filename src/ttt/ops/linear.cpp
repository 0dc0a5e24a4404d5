#include "ttt/ops/linear.h"

#include <fmt/format.h>

#include <vector>

#include "ttt/core/error.h"
#include "ttt/ops/shape_check.h"

namespace ttt::inline v2::ops {
namespace {

/// calls `done(row, t, sum)` for every product of an input row with a weight row.
template <class F>
void for_each_product(const PackedMatrix& weight, ConstMatrix x, F done) {
  std::vector<float> w(static_cast<std::size_t>(weight.cols()));
  for (std::int64_t o = 0; o < weight.rows(); ++o) {
    weight.unpack_row(o, w);
    for (std::int64_t t = 0; t < x.rows; ++t) {
      double sum = 0;
      for (std::int64_t i = 0; i < x.cols; ++i)
        sum += static_cast<double>(w[static_cast<std::size_t>(i)]) * x.row(t)[i];
      done(o, t, sum);
    }
  }
}

float with_bias(double sum, const float* bias, std::int64_t row) {
  return static_cast<float>(bias ? sum + bias[row] : sum);
}

void write(float& y, float value, Write mode) { y = mode == Write::add ? y + value : value; }

}  // namespace

void Linear::check(const Args& a) {
  expect_shape(name, "x", a.x, a.x.rows, a.weight.cols());
  expect_shape(name, "y", a.y, a.x.rows, a.weight.rows());
}

void GatedLinear::check(const Args& a) {
  expect_count(name, "rows of up", a.up.rows(), a.gate.rows());
  expect_count(name, "columns of up", a.up.cols(), a.gate.cols());
  expect_shape(name, "x", a.x, a.x.rows, a.gate.cols());
  expect_shape(name, "y", a.y, a.x.rows, a.gate.rows());
}

void Embed::check(const Args& a) {
  expect_shape(name, "y", a.y, static_cast<std::int64_t>(a.ids.size()), a.weight.cols());
  for (const auto id : a.ids)
    if (id < 0 || id >= a.weight.rows()) throw ShapeError(name, fmt::format("id {} of {} rows", id, a.weight.rows()));
}

void Linear::reference(Device&, const Args& a) {
  for_each_product(a.weight, a.x, [&](std::int64_t o, std::int64_t t, double sum) {
    write(a.y.row(t)[o], a.scale * activate(a.activation, with_bias(sum, a.bias, o)), a.write);
  });
}

void GatedLinear::reference(Device&, const Args& a) {
  for_each_product(a.gate, a.x,
                   [&](std::int64_t o, std::int64_t t, double sum) { a.y.row(t)[o] = with_bias(sum, a.gate_bias, o); });
  for_each_product(a.up, a.x, [&](std::int64_t o, std::int64_t t, double sum) {
    float& y = a.y.row(t)[o];
    y = activate(a.activation, y, with_bias(sum, a.up_bias, o));
  });
}

void Embed::reference(Device&, const Args& a) {
  std::vector<float> row(static_cast<std::size_t>(a.weight.cols()));
  for (std::size_t t = 0; t < a.ids.size(); ++t) {
    a.weight.unpack_row(a.ids[t], row);
    for (std::size_t i = 0; i < row.size(); ++i)
      write(a.y.row(static_cast<std::int64_t>(t))[i], a.scale * row[i], a.write);
  }
}

Work Linear::work(const Args& a) { return product_work(a.weight, a.x.rows); }

Work GatedLinear::work(const Args& a) {
  const Work gate = product_work(a.gate, a.x.rows), up = product_work(a.up, a.x.rows);
  return {gate.flops + up.flops, gate.bytes + up.bytes};
}

Work product_work(const PackedMatrix& weight, std::int64_t tokens) {
  return {.flops = 2 * static_cast<std::uint64_t>(weight.rows() * weight.cols() * tokens), .bytes = weight.bytes()};
}

}  // namespace ttt::inline v2::ops
