#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "isa_levels.h"
#include "ttt/ops/linear.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt::test {

using testing::random_values;
using testing::random_weight;

constexpr std::int64_t kWide = 2048;  ///< columns from which on eight bits of activations do

inline bool fills_blocks(DType format, std::int64_t cols) { return cols % info(format).block_size == 0; }

/// For rows of few columns: activations have 8 bits under fast, and tiles of AMX hold bf16.
inline void check_close(const std::vector<float>& got, const std::vector<float>& want, Precision precision,
                        std::string_view level) {
  const auto agreement = testing::compare(got, want);
  double most = 0;
  for (const float v : want) most = std::max(most, static_cast<double>(std::fabs(v)));
  const double tolerance = precision == Precision::exact  ? 2e-5
                           : precision == Precision::fast ? 1.5e-2
                           : level == "amx"               ? 6e-3
                                                          : 1e-3;
  EXPECT_LE(agreement.max_abs_diff, tolerance * (most + 1e-3));
}

/// `values`, which are at most 1, with one in 101 standing out.
inline std::vector<float> with_outliers(std::vector<float> values) {
  for (std::size_t i = 17; i < values.size(); i += 101) values[i] = 30;
  return values;
}

constexpr std::int64_t kProductRows = 80;  ///< a task of four panels and one of one

/// x [tokens, cols of the weight] times a weight, with `bytes` set to what it takes when packed.
inline std::vector<float> product_of(Device& device, const Tensor& weight, const std::vector<float>& x,
                                     std::uint64_t* bytes = nullptr) {
  const std::array<Tensor, 1> parts{weight};
  const auto packed = ops::run<ops::PackMatrix>(device, {parts});
  if (bytes != nullptr) *bytes = packed->bytes();
  const auto tokens = static_cast<std::int64_t>(x.size()) / packed->cols();
  std::vector<float> y(static_cast<std::size_t>(tokens * packed->rows()));
  ops::run<ops::Linear>(
      device, {.weight = *packed, .x = {x.data(), tokens, packed->cols()}, .y = {y.data(), tokens, packed->rows()}});
  return y;
}

/// The first `tokens` rows of x times kProductRows rows.
inline std::vector<float> products(Device& device, DType format, const std::vector<float>& x, std::int64_t cols,
                                   std::int64_t tokens) {
  return product_of(device, random_weight(format, kProductRows, cols, 5), {x.begin(), x.begin() + tokens * cols});
}

}  // namespace ttt::test
