#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <optional>

#include "isa_levels.h"
#include "reference_moe.h"
#include "ttt/core/error.h"
#include "ttt/ops/elementwise.h"
#include "ttt/ops/linear.h"
#include "ttt/ops/norm.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt::test {
namespace {

using ops::Write;
using testing::random_values;
using testing::random_weight;

class ElementwiseOps : public ::testing::TestWithParam<std::string> {};

/// Random values in rows that lie further apart than they are long; what is between them must stay.
class StridedRows {
 public:
  StridedRows(std::int64_t rows, std::int64_t cols, std::int64_t gap, std::uint64_t seed)
      : values(random_values(static_cast<std::size_t>(rows * (cols + gap)), seed)),
        rows_(rows),
        cols_(cols),
        stride_(cols + gap) {}
  Matrix matrix() { return {values.data(), rows_, cols_, stride_}; }
  std::vector<float> values;

  /// Compares with `want(row, col)`, and what lies between rows with `before`.
  void expect(const StridedRows& before, const std::function<double(std::int64_t, std::int64_t)>& want,
              double tolerance) const {
    for (std::int64_t t = 0; t < rows_; ++t)
      for (std::int64_t i = 0; i < stride_; ++i) {
        const auto at = static_cast<std::size_t>(t * stride_ + i);
        if (i >= cols_) {
          ASSERT_EQ(values[at], before.values[at]) << "wrote beyond row " << t;
          continue;
        }
        const double expected = want(t, i);
        ASSERT_NEAR(values[at], expected, tolerance * (1 + std::abs(expected))) << "row " << t << " column " << i;
      }
  }

 private:
  std::int64_t rows_, cols_, stride_;
};

constexpr std::array<std::int64_t, 6> kCols{1, 3, 16, 31, 65, 576};
constexpr std::array<std::int64_t, 4> kRows{1, 2, 9, 40};

TEST_P(ElementwiseOps, CopyTakesRowsInAnyOrder) {
  const auto device = open_level(GetParam(), Precision::standard);
  for (const auto cols : kCols)
    for (const auto rows : kRows) {
      StridedRows x(rows, cols, 3, 1), y(rows, cols, 5, 2);
      const auto before = y;
      ops::run<ops::Copy>(*device, {.x = x.matrix(), .y = y.matrix()});
      y.expect(before, [&](auto t, auto i) { return x.matrix().row(t)[i]; }, 0);
      std::vector<std::int32_t> from;
      for (std::int64_t t = 0; t < rows + 2; ++t) from.push_back(static_cast<std::int32_t>((t * 7 + 1) % rows));
      StridedRows more(rows + 2, cols, 1, 3);
      const auto more_before = more;
      ops::run<ops::Copy>(*device, {.x = x.matrix(), .y = more.matrix(), .rows = from});
      more.expect(more_before, [&](auto t, auto i) { return x.matrix().row(from[static_cast<std::size_t>(t)])[i]; }, 0);
    }
}

TEST_P(ElementwiseOps, AddGatedFollowsTheReference) {
  const auto device = open_level(GetParam(), Precision::standard);
  for (const auto cols : kCols)
    for (const auto rows : kRows)
      for (const float scale : {1.0f, -0.3f}) {
        StridedRows x(rows, cols, 3, 1), y(rows, cols, 5, 2), gate(rows, 1, 2, 4);
        const auto before = y;
        auto old = before;
        ops::run<ops::AddGated>(*device, {.x = x.matrix(), .gate = gate.matrix(), .y = y.matrix(), .scale = scale});
        y.expect(
            before,
            [&](auto t, auto i) {
              return old.matrix().row(t)[i] + static_cast<double>(scale) * x.matrix().row(t)[i] /
                                                  (1 + std::exp(-static_cast<double>(gate.matrix().row(t)[0])));
            },
            1e-6);
        y = before;
        ops::run<ops::AddGated>(*device, {.x = x.matrix(), .gate = {}, .y = y.matrix(), .scale = scale});
        y.expect(
            before,
            [&](auto t, auto i) { return old.matrix().row(t)[i] + static_cast<double>(scale) * x.matrix().row(t)[i]; },
            1e-6);
      }
}

TEST_P(ElementwiseOps, SoftcapFollowsTheReference) {
  const auto device = open_level(GetParam(), Precision::standard);
  for (const auto cols : kCols)
    for (const float cap : {0.5f, 30.0f}) {
      StridedRows y(9, cols, 2, 1);
      y.values[0] = 1e30f;
      const auto before = y;
      auto old = before;
      ops::run<ops::Softcap>(*device, {.y = y.matrix(), .cap = cap});
      y.expect(
          before, [&](auto t, auto i) { return cap * std::tanh(old.matrix().row(t)[i] / static_cast<double>(cap)); },
          1e-6);
    }
}

struct NormCase {
  std::int64_t groups, group, rows;
  bool own_weights;  ///< each group has its own weights
  bool weight = true, bias = true;
  Write write = Write::store;
};
constexpr std::array<NormCase, 9> kNorms{{{1, 7, 1, false},
                                          {1, 576, 9, false, false, false},
                                          {3, 1, 2, true},
                                          {2, 33, 40, false},
                                          {5, 20, 9, true, true, true, Write::add},
                                          {8, 128, 3, true, true, false},
                                          {8, 128, 17, false, true, true, Write::add},
                                          {71, 64, 2, false},
                                          {4, 18, 11, true}}};

/// One element of a norm in double precision; `rms` has no mean and no bias.
double norm_element(const float* x, const NormCase& c, std::int64_t i, double eps, bool rms,
                    const std::vector<float>& weight, const std::vector<float>& bias) {
  const auto n = static_cast<double>(c.group);
  const std::int64_t first = i / c.group * c.group;
  double mean = 0, squares = 0;
  for (auto j = first; !rms && j < first + c.group; ++j) mean += x[j] / n;
  for (auto j = first; j < first + c.group; ++j) squares += (x[j] - mean) * (x[j] - mean) / n;
  const auto w = static_cast<std::size_t>(c.own_weights ? i : i - first);
  return (x[i] - mean) / std::sqrt(squares + eps) * (c.weight ? weight[w] : 1.0f) + (rms || !c.bias ? 0.0f : bias[w]);
}

TEST_P(ElementwiseOps, GroupedNormsFollowTheReference) {
  const auto device = open_level(GetParam(), Precision::standard);
  for (const auto& c : kNorms) {
    SCOPED_TRACE(std::to_string(c.groups) + " groups of " + std::to_string(c.group));
    const auto weight = random_values(static_cast<std::size_t>(c.groups * c.group), 5, 0.5f, 1.0f),
               bias = random_values(weight.size(), 6);
    const std::int64_t stride = c.own_weights ? c.group : 0;
    for (const bool rms : {true, false}) {
      StridedRows x(c.rows, c.groups * c.group, 3, 1), y(c.rows, c.groups * c.group, 2, 2);
      const auto before = y;
      auto old = before;
      const float* w = c.weight ? weight.data() : nullptr;
      const auto normalise = [&](Matrix from, Matrix to, Write write) {
        if (rms)
          ops::run<ops::RmsNorm>(*device, {.x = from,
                                           .weight = w,
                                           .eps = 1e-3f,
                                           .y = to,
                                           .write = write,
                                           .group = c.group,
                                           .weight_stride = stride});
        else
          ops::run<ops::LayerNorm>(*device, {.x = from,
                                             .weight = w,
                                             .bias = c.bias ? bias.data() : nullptr,
                                             .eps = 1e-3f,
                                             .y = to,
                                             .write = write,
                                             .group = c.group,
                                             .weight_stride = stride});
      };
      const auto want = [&](auto t, auto i) {
        return norm_element(x.matrix().row(t), c, i, 1e-3, rms, weight, bias) +
               (c.write == Write::add ? old.matrix().row(t)[i] : 0.0f);
      };
      normalise(x.matrix(), y.matrix(), c.write);
      y.expect(before, want, 1e-5);
      if (c.write == Write::add) continue;
      auto in_place = x;
      normalise(in_place.matrix(), in_place.matrix(), Write::store);
      in_place.expect(x, want, 1e-5);
    }
  }
}

/// y[t, r] of x W^T + bias in double precision, from the weights as packed.
double product(const ops::PackedMatrix& w, const float* x, std::int64_t r, const std::vector<float>& bias) {
  std::vector<float> row(static_cast<std::size_t>(w.cols()));
  w.unpack_row(r, row);
  double sum = bias[static_cast<std::size_t>(r)];
  for (std::size_t i = 0; i < row.size(); ++i) sum += static_cast<double>(x[i]) * row[i];
  return sum;
}

struct LinearCase {
  std::int64_t rows, cols, tokens;
  DType format;
};
constexpr std::array<LinearCase, 7> kLinears{{{1, 1, 1, DType::f32},
                                              {17, 33, 5, DType::f32},
                                              {37, 96, 9, DType::q8_0},
                                              {64, 64, 1, DType::f16},
                                              {48, 256, 2, DType::q4_k},
                                              {35, 32, 70, DType::mxfp4},
                                              {83, 40, 17, DType::bf16}}};

TEST_P(ElementwiseOps, ClampedSwigluOfGatedLinearFollowsTheReference) {
  for (const auto& [precision, tolerance] : {std::pair{Precision::exact, 2e-5}, {Precision::standard, 3e-2}})
    for (const auto& [rows, cols, tokens, format] : kLinears)
      for (const auto& [alpha, limit] : {std::pair{1.702f, 7.0f}, {1.0f, 0.25f}, {3.0f, 1.0f}}) {
        SCOPED_TRACE(std::string(name(format)) + " " + std::to_string(rows) + "x" + std::to_string(cols));
        const auto device = open_level(GetParam(), precision);
        const std::array<Tensor, 1> gate{random_weight(format, rows, cols, 1)},
            up{random_weight(format, rows, cols, 2)};
        const auto packed_gate = ops::run<ops::PackMatrix>(*device, {gate}),
                   packed_up = ops::run<ops::PackMatrix>(*device, {up});
        const auto gate_bias = random_values(static_cast<std::size_t>(rows), 3),
                   up_bias = random_values(static_cast<std::size_t>(rows), 4);
        StridedRows x(tokens, cols, 0, 5), y(tokens, rows, 0, 6);
        const auto before = y;
        ops::run<ops::GatedLinear>(*device, {.gate = *packed_gate,
                                             .up = *packed_up,
                                             .gate_bias = gate_bias.data(),
                                             .up_bias = up_bias.data(),
                                             .x = x.matrix(),
                                             .y = y.matrix(),
                                             .activation = GatedActivation::clamped_swiglu(alpha, limit)});
        y.expect(
            before,
            [&](auto t, auto r) {
              const float* row = x.matrix().row(t);
              return clamped_swiglu(product(*packed_gate, row, r, gate_bias), product(*packed_up, row, r, up_bias),
                                    alpha, limit);
            },
            tolerance);
      }
}

TEST_P(ElementwiseOps, SquaredReluOfLinearFollowsTheReference) {
  for (const auto& [precision, tolerance] : {std::pair{Precision::exact, 2e-5}, {Precision::standard, 3e-2}})
    for (const auto& [rows, cols, tokens, format] : kLinears) {
      SCOPED_TRACE(std::string(name(format)) + " " + std::to_string(rows) + "x" + std::to_string(cols));
      const auto device = open_level(GetParam(), precision);
      const std::array<Tensor, 1> parts{random_weight(format, rows, cols, 1)};
      const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
      const auto bias = random_values(static_cast<std::size_t>(rows), 3);
      StridedRows x(tokens, cols, 0, 5), y(tokens, rows, 0, 6);
      const auto before = y;
      ops::run<ops::Linear>(*device, {.weight = *packed,
                                      .bias = bias.data(),
                                      .x = x.matrix(),
                                      .y = y.matrix(),
                                      .activation = Activation::relu_squared});
      y.expect(
          before,
          [&](auto t, auto r) {
            const double v = std::max(0.0, product(*packed, x.matrix().row(t), r, bias));
            return v * v;
          },
          tolerance);
    }
}

INSTANTIATE_TEST_SUITE_P(Isa, ElementwiseOps, ::testing::ValuesIn(isa_levels()),
                         [](const auto& info) { return info.param; });

TEST(Activation, NamesOfHuggingFace) {
  EXPECT_EQ(parse_activation("relu2"), Activation::relu_squared);
  EXPECT_EQ(parse_activation("swish"), Activation::silu);
  EXPECT_THROW(parse_activation("swoosh"), ConfigError);
  EXPECT_THROW(GatedActivation::clamped_swiglu(0.0f, 1.0f).check(), ConfigError);
  EXPECT_THROW(GatedActivation::clamped_swiglu(1.0f, -1.0f).check(), ConfigError);
  EXPECT_NO_THROW(GatedActivation::clamped_swiglu(1.702f, 7.0f).check());
}

}  // namespace
}  // namespace ttt::test
