#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "isa_levels.h"
#include "ttt/ops/elementwise.h"
#include "ttt/ops/linear.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kMost = std::numeric_limits<float>::max(), kTiny = std::numeric_limits<float>::denorm_min();

/// Values of all magnitudes and both signs: 168 of each power of two, and 8216 of those from 1/2 to 128.
std::vector<float> all_magnitudes() {
  std::vector<float> values{0.0f, -0.0f, kTiny, -kTiny, 88.0f, -88.0f, kMost, -kMost};
  for (std::uint32_t bits = 1; bits < std::bit_cast<std::uint32_t>(kInfinity);) {
    const auto value = std::bit_cast<float>(bits);
    values.insert(values.end(), {value, -value});
    bits += value >= 0.5f && value < 128.0f ? 1021 : 50021;
  }
  return values;
}

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float v : values) bits.push_back(std::bit_cast<std::uint32_t>(v));
  return bits;
}

class NonlinearOps : public ::testing::TestWithParam<std::string> {
 protected:
  /// The activation of values, as that of a matrix with one column times one.
  std::vector<float> activated(Activation activation, const std::vector<float>& values) const {
    const auto rows = static_cast<std::int64_t>(values.size());
    const std::array<Tensor, 1> parts{Tensor::from<float>(values, {rows, 1})};
    const auto packed = ops::run<ops::PackMatrix>(*device_, {parts});
    const float one = 1.0f;
    std::vector<float> y(values.size());
    ops::run<ops::Linear>(*device_,
                          {.weight = *packed, .x = {&one, 1, 1}, .y = {y.data(), 1, rows}, .activation = activation});
    return y;
  }
  std::vector<float> capped(float cap, std::vector<float> values) const {
    ops::run<ops::Softcap>(*device_, {.y = {values.data(), 1, static_cast<std::int64_t>(values.size())}, .cap = cap});
    return values;
  }

  const std::unique_ptr<Device> device_ = open_level(GetParam(), Precision::exact);
};

/// How far a function's results may be off: by both, added.
struct Tolerance {
  double relative, absolute;
};

void expect_close(const std::vector<float>& got, const std::vector<float>& x, const std::function<double(double)>& want,
                  Tolerance tolerance) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = want(x[i]), error = std::abs(got[i] - expected);
    ASSERT_LE(error, tolerance.absolute + tolerance.relative * std::abs(expected)) << x[i];
  }
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct ActivationCase {
  const char* name;
  Activation activation;
  std::function<double(double)> want;
  Tolerance tolerance;
};
const std::vector<ActivationCase> kActivations{
    {"tanh", Activation::tanh, [](double x) { return std::tanh(x); }, {4e-7, 0}},
    {"sigmoid", Activation::sigmoid, sigmoid, {4e-7, 1e-38}},
    {"silu", Activation::silu, [](double x) { return x * sigmoid(x); }, {4e-7, 1e-36}},
    {"quick_gelu", Activation::quick_gelu, [](double x) { return x * sigmoid(1.702 * x); }, {4e-7, 5e-9}},
    {"gelu", Activation::gelu, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, {4e-7, 3e-9}},
    {"gelu_tanh",
     Activation::gelu_tanh,
     [](double x) { return x * sigmoid(2 * std::sqrt(2 / 3.141592653589793) * (x + 0.044715 * x * x * x)); },
     {4e-7, 1e-8}},
};

TEST_P(NonlinearOps, ActivationsAreCloseEverywhere) {
  const auto x = all_magnitudes();
  for (const auto& c : kActivations) {
    SCOPED_TRACE(c.name);
    expect_close(activated(c.activation, x), x, c.want, c.tolerance);
  }
}

TEST_P(NonlinearOps, ActivationsOfNoNumbers) {
  for (const auto& c : kActivations) {
    SCOPED_TRACE(c.name);
    const auto y = activated(c.activation, {kNaN, kInfinity, -kInfinity, 1.0f});
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_EQ(y[1], static_cast<float>(c.want(kInfinity)));
    // Products of 0 and infinity are 0, as at large values, or NaN.
    const auto least = static_cast<float>(c.want(-kMost));
    EXPECT_TRUE(y[2] == least || std::isnan(y[2])) << y[2];
    EXPECT_EQ(y[3], activated(c.activation, {1.0f})[0]);
  }
}

TEST_P(NonlinearOps, ActivationsDoNotDependOnTheValuesAround) {
  const auto x = testing::random_values(1000, 1, 3.0f);
  for (const auto& c : kActivations) {
    SCOPED_TRACE(c.name);
    const auto whole = activated(c.activation, x);
    for (std::ptrdiff_t first = 0; first < 20; ++first) {
      const std::vector<float> some(x.begin() + first, x.end() - 7 * first);
      EXPECT_TRUE(std::ranges::equal(activated(c.activation, some), std::span(whole).subspan(first, some.size())));
    }
  }
}

TEST_P(NonlinearOps, SoftcapIsCloseEverywhere) {
  const auto x = all_magnitudes();
  for (const float cap : {1.0f, 30.0f, 0.3f}) {
    const auto y = capped(cap, x);
    expect_close(y, x, [&](double v) { return cap * std::tanh(v / cap); }, {4e-7, 1e-43});
    EXPECT_LE(*std::ranges::max_element(y), cap);
    EXPECT_GE(*std::ranges::min_element(y), -cap);
    const auto ends = capped(cap, {kNaN, kInfinity, -kInfinity});
    EXPECT_TRUE(std::isnan(ends[0]));
    EXPECT_EQ(ends[1], cap);
    EXPECT_EQ(ends[2], -cap);
  }
}

TEST_P(NonlinearOps, SoftcapDependsNeitherOnThreadsNorOnTheValuesAround) {
  constexpr std::int64_t kCols = 20001;
  const auto x = testing::random_values(3 * kCols, 1, 20.0f);
  const auto run = [&](int threads, std::int64_t first, std::int64_t rows, std::int64_t cols) {
    std::vector<float> y(x.begin() + first, x.begin() + first + rows * cols);
    ops::run<ops::Softcap>(*open_level(GetParam(), Precision::exact, threads),
                           {.y = {y.data(), rows, cols}, .cap = 30.0f});
    return bits_of(y);
  };
  const auto whole = run(1, 0, 3, kCols);
  EXPECT_EQ(run(2, 0, 3, kCols), whole);
  EXPECT_EQ(run(4, 0, 3, kCols), whole);
  for (const std::int64_t first : {0, 1, 5, 4090, 4096})
    for (const std::int64_t cols : {1, 15, 16, 31, 33, 4096, 9000}) {
      const auto some = run(2, first, 1, cols);
      EXPECT_TRUE(std::equal(some.begin(), some.end(), whole.begin() + first)) << first << ", " << cols;
    }
}

/// A row with NaN or infinity has no number among its products, and leaves the other rows alone.
TEST_P(NonlinearOps, WhatIsNoNumberStaysSoInProducts) {
  constexpr std::int64_t kRows = 40, kCols = 512;
  for (const auto precision : {Precision::exact, Precision::standard, Precision::fast})
    for (const auto format : {DType::f32, DType::f16, DType::bf16, DType::q4_0, DType::q4_1, DType::q8_0, DType::q4_k,
                              DType::q6_k, DType::iq4_nl, DType::mxfp4}) {
      const auto device = open_level(GetParam(), precision);
      const std::array<Tensor, 1> parts{testing::random_weight(format, kRows, kCols, 1)};
      const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
      for (const std::int64_t tokens : {1, 3, 8, 33}) {
        const auto products = [&](const std::vector<float>& x) {
          std::vector<float> y(static_cast<std::size_t>(tokens * kRows));
          ops::run<ops::Linear>(*device,
                                {.weight = *packed, .x = {x.data(), tokens, kCols}, .y = {y.data(), tokens, kRows}});
          return y;
        };
        const auto x = testing::random_values(static_cast<std::size_t>(tokens * kCols), 2);
        const auto numbers = products(x);
        for (const float value : {kNaN, kInfinity, -kInfinity})
          for (const std::int64_t col : {0, 21, 40, 511}) {
            SCOPED_TRACE(std::string(name(format)) + ", " + std::to_string(tokens) + " tokens, " +
                         std::to_string(value) + " in column " + std::to_string(col));
            auto bad = x;
            const std::int64_t row = tokens / 2;
            bad[static_cast<std::size_t>(row * kCols + col)] = value;
            const auto y = products(bad);
            for (std::size_t i = 0; i < y.size(); ++i)
              if (static_cast<std::int64_t>(i) / kRows == row)
                ASSERT_FALSE(std::isfinite(y[i])) << "output " << i % kRows;
              else
                ASSERT_EQ(y[i], numbers[i]);
          }
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Isa, NonlinearOps, ::testing::ValuesIn(isa_levels()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ttt::test
