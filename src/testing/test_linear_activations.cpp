#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "linear_cases.h"

namespace ttt::test {
namespace {

class LinearActivations : public ::testing::TestWithParam<std::string> {};

/// Where eight bits of activations are used, and that they are: the results differ from those of fifteen.
TEST_P(LinearActivations, EightBitsAreTakenWhereTheLevelHasRoomForThem) {
  const std::string level = GetParam();
  constexpr std::int64_t kNarrow = 128;
  const auto x = random_values(64 * kWide, 7);
  const auto run = [&](DType format, std::int64_t cols, std::int64_t tokens, Precision precision,
                       BatchInvariance invariance = BatchInvariance::off) {
    return products(*open_level(level, precision, 2, invariance), format, x, cols, tokens);
  };
  for (const std::int64_t tokens : {1, 3, 4, 64})
    for (const auto format : {DType::q4_0, DType::q8_0, DType::iq4_nl, DType::bf16}) {
      SCOPED_TRACE(std::string(name(format)) + " tokens " + std::to_string(tokens));
      const bool tiles = level == "amx" && tokens >= 16, full_bytes = format == DType::q8_0;
      const auto params = level_config(level).optimal_params<LinearParams>();
      const bool bf16_dots = params.bf16_min_tokens != LinearParams::never;
      const bool room = format == DType::bf16 ? bf16_dots : !(level == "avx2" && full_bytes);
      EXPECT_EQ(run(format, kNarrow, tokens, Precision::fast) != run(format, kNarrow, tokens, Precision::standard),
                room && !tiles);
      // Wide layers take eight bits in any batch, but for bf16 weights, which may meet two bf16 or f32 in small ones.
      const auto invariant = run(format, kWide, tokens, Precision::standard, BatchInvariance::on);
      const auto difference = testing::compare(invariant, run(format, kWide, tokens, Precision::exact)).max_abs_diff;
      EXPECT_EQ(difference > 1e-2, room) << difference;
      const bool two_parts = format == DType::bf16 && room && tokens < 4;
      const bool floats = format == DType::bf16 && !bf16_dots && params.words_min_tokens != LinearParams::never &&
                          tokens < params.words_min_tokens;
      EXPECT_EQ(run(format, kWide, tokens, Precision::standard) != invariant, tiles || two_parts || floats);
      EXPECT_EQ(run(format, kWide, tokens, Precision::fast, BatchInvariance::on), invariant);
    }
}

/// A parameter that chooses kernels, and the feature that these need.
struct Threshold {
  const char* key;
  std::string_view feature;
};
constexpr std::array<Threshold, 3> kThresholds{
    {{"bf16_min_tokens", "avx512_bf16"}, {"amx_min_tokens", "amx_bf16"}, {"words_min_tokens", ""}}};

/// bf16 weights meet bf16 or words from as many tokens on as the parameters say, and f32 before; where bits must not
/// depend on the number of tokens, always or never.
TEST_P(LinearActivations, ParametersChooseKernelsByTheNumberOfTokens) {
  const auto config = level_config(GetParam());
  const auto known = config.get_optimal_params(LinearParams::operation);
  const auto x = random_values(64 * kWide, 7);
  bool any = false;
  for (const auto& [key, feature] : kThresholds) {
    if (!known.contains(key) || !(feature.empty() || config.has_feature(feature))) continue;
    any = true;
    const auto run = [&](std::int64_t threshold, std::int64_t tokens, BatchInvariance invariance) {
      auto tuned = config;
      for (const auto& each : kThresholds)
        if (known.contains(each.key))
          tuned.overrides[std::string(LinearParams::operation)][each.key] = LinearParams::never;
      tuned.overrides[std::string(LinearParams::operation)][key] = threshold;
      const auto device = Device::open(
          tuned, {.threads = 2, .precision = Precision::fast, .batch_invariance = invariance, .log = silent_log()});
      return products(*device, DType::bf16, x, kWide, tokens);
    };
    for (const std::int64_t tokens : {1, 15, 16, 64}) {
      SCOPED_TRACE(std::string(key) + " 16, tokens " + std::to_string(tokens));
      EXPECT_EQ(run(16, tokens, BatchInvariance::off) != run(LinearParams::never, tokens, BatchInvariance::off),
                tokens >= 16);
      EXPECT_EQ(run(16, tokens, BatchInvariance::on), run(40, tokens, BatchInvariance::on));
    }
  }
  if (!any) GTEST_SKIP() << GetParam() << " has no kernels for bf16 of their own";
}

/// The largest difference from exact products, to the largest of those.
double difference(const std::string& level, DType format, const std::vector<float>& x, std::int64_t cols,
                  std::int64_t tokens) {
  const auto got = products(*open_level(level, Precision::fast), format, x, cols, tokens),
             want = products(*open_level(level, Precision::exact), format, x, cols, tokens);
  const auto most = *std::ranges::max_element(want, {}, [](float v) { return std::fabs(v); });
  return testing::compare(got, want).max_abs_diff / std::fabs(most);
}

struct Shape {
  std::int64_t cols, tokens;
};

/// A value that stands out of its row does not cost the others that share its scale their bits: else the difference is
/// ten times as large.
TEST_P(LinearActivations, OutliersLeaveTheOthersTheirBits) {
  // Tiles of several sizes, a block of one group behind whole ones, one token that two threads quantise.
  for (const auto [cols, tokens] : {Shape{256, 7}, {2080, 3}, {8192, 1}, {512, 15}, {512, 70}})
    for (const auto format : {DType::q4_0, DType::q4_1, DType::q4_k, DType::q6_k, DType::iq4_nl, DType::mxfp4}) {
      if (!fills_blocks(format, cols)) continue;
      SCOPED_TRACE(std::string(name(format)) + " " + std::to_string(cols) + " x" + std::to_string(tokens));
      const auto x = random_values(static_cast<std::size_t>(tokens * cols), 7);
      EXPECT_LE(difference(GetParam(), format, with_outliers(x), cols, tokens), 3e-3);
      // Neighbours that are both large halve the steps of iq4_nl on AVX2.
      EXPECT_LE(difference(GetParam(), format, x, cols, tokens), format == DType::iq4_nl ? 1.5e-2 : 1e-2)
          << "without outliers, after some";
    }
}

/// Every column of every format, as the only thing that a token has in a block.
TEST_P(LinearActivations, OutliersMeetWeightsAsTheyAre) {
  constexpr std::int64_t kCols = 4096;
  for (const std::int64_t tokens : {1, 5, 8, 128}) {
    std::vector<float> x(static_cast<std::size_t>(tokens * kCols));
    for (std::int64_t t = 0; t < tokens; ++t)
      for (std::int64_t block = 0; block < kCols / 256; ++block)
        x[static_cast<std::size_t>(t * kCols + block * 256 + (t * 37 + block * 17) % 256)] =
            static_cast<float>(20 + (t + block) % 7);
    for (const auto format : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q2_k, DType::q3_k, DType::q4_k,
                              DType::q5_k, DType::q6_k, DType::iq4_nl, DType::mxfp4, DType::bfp4}) {
      SCOPED_TRACE(std::string(name(format)) + " x" + std::to_string(tokens));
      const bool tiles = GetParam() == "amx" && tokens >= 16;  // which hold bf16
      EXPECT_LE(difference(GetParam(), format, x, kCols, tokens), tiles ? 1e-2 : 1e-6);
    }
  }
}

/// Where a level adds two products in 16 bits, neighbours that are both large take a coarser scale.
TEST_P(LinearActivations, TwoProductsWithTheLargestCodesFit) {
  constexpr std::int64_t kCols = 512, kTokens = 7;
  for (const int nibble : {0, 15}) {
    const auto weight = Tensor::make(DType::iq4_nl, {kProductRows, kCols}, [&](std::span<std::byte> out) {
      std::ranges::fill(out, static_cast<std::byte>(nibble * 17));
      for (std::size_t at = 0; at < out.size(); at += info(DType::iq4_nl).block_bytes)
        out[at] = std::byte{0}, out[at + 1] = std::byte{0x3c};  // scale 1
    });
    std::vector<float> x(kTokens * kCols);
    for (std::int64_t k = 0; k < kCols; ++k) {
      const std::array<float, kTokens> column{1,
                                              -1,
                                              k % 4 < 2 ? 1.0f : -0.5f,
                                              k % 2 == 0 ? 1.0f : -0.5f,
                                              k % 2 == 0 ? 1.0f : 0.0f,
                                              k % 32 == 31 ? 1.0f : 0.1f,
                                              k % 32 < 2 ? -1.0f : 0.2f};
      for (std::int64_t t = 0; t < kTokens; ++t) x[static_cast<std::size_t>(t * kCols + k)] = column[t];
    }
    for (const std::int64_t tokens : {std::int64_t{1}, kTokens}) {
      const std::vector<float> some{x.end() - tokens * kCols, x.end()};
      const auto got = product_of(*open_level(GetParam(), Precision::fast), weight, some),
                 want = product_of(*open_level(GetParam(), Precision::exact), weight, some);
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_NEAR(got[i] / want[i], 1, 5e-2) << "code " << nibble << ", " << tokens << " tokens, " << i;
    }
  }
}

/// More than a block has room for are no outliers; nor are those of a row that has something else than numbers, which
/// takes nothing from the other rows.
TEST_P(LinearActivations, WhatDoesNotStandOut) {
  constexpr std::int64_t kCols = 16384, kTokens = 6;
  std::vector<float> x(kTokens * kCols);
  const auto values = random_values(256 * kTokens, 3);
  for (std::int64_t t = 0; t < kTokens; ++t)
    for (std::int64_t k = 0; k < 256; ++k)
      x[static_cast<std::size_t>(t * kCols + 512 + k)] = 30 + values[static_cast<std::size_t>(t * 256 + k)];
  for (const auto format : {DType::q4_0, DType::q4_k, DType::q6_k})
    EXPECT_LE(difference(GetParam(), format, x, kCols, kTokens), 1e-2) << name(format);

  auto broken = random_values(kTokens * 512, 7);
  broken[2 * 512 + 300] = std::numeric_limits<float>::quiet_NaN();
  broken[2 * 512 + 7] = 1e3f;
  broken[4 * 512 + 300] = std::numeric_limits<float>::infinity();
  auto whole = broken;
  for (const std::size_t row : {2, 4}) std::fill_n(whole.begin() + static_cast<std::ptrdiff_t>(row * 512), 512, 1.0f);
  for (const auto format :
       {DType::q4_0, DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl}) {
    const auto device = open_level(GetParam(), Precision::fast);
    const auto got = products(*device, format, broken, 512, kTokens),
               want = products(*device, format, whole, 512, kTokens);
    for (std::size_t i = 0; i < got.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i) / kProductRows;
      if (row == 2 || row == 4)
        EXPECT_FALSE(std::isfinite(got[i])) << name(format) << " " << row;
      else
        EXPECT_EQ(got[i], want[i]) << name(format) << " " << row;
    }
  }
}

/// Activations that meet K-quants alone share a scale in 256 columns: small ones beside a large one, which is no
/// outlier in its row, have no bits left. Beside another format each 32 columns have their own.
TEST_P(LinearActivations, KQuantsAloneShareAScaleInABlock) {
  constexpr std::int64_t kCols = 512;
  std::vector<float> x(kCols, 1e-3f);
  for (std::int64_t k = 0; k < kCols; k += 8)
    if (k / 32 % 2 == 0) x[static_cast<std::size_t>(k)] = 1;
  for (const auto format : {DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k}) {
    SCOPED_TRACE(name(format));
    const auto weight = random_weight(format, kProductRows, kCols, 5), other = random_weight(DType::q4_0, 16, kCols, 6);
    const auto device = open_level(GetParam(), Precision::fast);
    const auto alone = product_of(*device, weight, x);
    const std::array<Tensor, 2> parts{weight, other};
    const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
    std::vector<float> beside(kProductRows + 16);
    ops::run<ops::Linear>(*device,
                          {.weight = *packed, .x = {x.data(), 1, kCols}, .y = {beside.data(), 1, kProductRows + 16}});
    beside.resize(kProductRows);
    auto large = x;
    for (float& value : large)
      if (value < 1) value = 0;
    EXPECT_EQ(alone, product_of(*device, weight, large));
    EXPECT_NE(alone, beside);
  }
}

/// The largest codes, scales and activations.
TEST_P(LinearActivations, LargestKQuantsFit) {
  constexpr std::int64_t kCols = 512, kTokens = 9;
  for (const auto format : {DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k}) {
    const auto& of = info(format);
    // d and dmin, two bytes each, come first or last; and in one format scales have all bits of a byte.
    const std::size_t halves = format == DType::q3_k || format == DType::q6_k ? 1 : 2,
                      at = format == DType::q4_k || format == DType::q5_k ? 0 : of.block_bytes - 2 * halves;
    constexpr std::size_t kScalesOfQ6K = 192;
    for (const auto& [all, scale] : {std::pair{0xff, 0x7f}, {0xff, 0x80}, {0, 0x7f}, {0, 0x80}}) {
      const auto weight = Tensor::make(format, {kProductRows, kCols}, [&](std::span<std::byte> out) {
        std::ranges::fill(out, static_cast<std::byte>(all));
        for (; !out.empty(); out = out.subspan(of.block_bytes)) {
          if (format == DType::q6_k) std::ranges::fill(out.subspan(kScalesOfQ6K, 16), static_cast<std::byte>(scale));
          for (std::size_t i = 0; i < halves; ++i)
            out[at + 2 * i] = std::byte{0}, out[at + 2 * i + 1] = std::byte{0x3c};  // 1
        }
      });
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(kTokens * kCols, sign);
        for (const std::int64_t tokens : {std::int64_t{1}, std::int64_t{8}, kTokens}) {
          const std::vector<float> some{x.begin(), x.begin() + tokens * kCols};
          const auto got = product_of(*open_level(GetParam(), Precision::fast), weight, some),
                     want = product_of(*open_level(GetParam(), Precision::exact), weight, some);
          for (std::size_t i = 0; i < got.size(); ++i)
            ASSERT_NEAR(got[i], want[i], 1e-5 * std::fabs(want[i]) + 1e-2)
                << name(format) << " bytes " << all << ", scales " << scale << ", " << tokens << " tokens, " << i;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, LinearActivations, ::testing::ValuesIn(linear_levels()),
                         [](const auto& i) { return i.param; });

}  // namespace
}  // namespace ttt::test
