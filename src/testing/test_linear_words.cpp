#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>

#include "linear_cases.h"
#include "ttt/formats/quantize.h"

namespace ttt::test {
namespace {

Tensor tensor_of(DType format, std::int64_t rows, std::int64_t cols, const std::vector<float>& values) {
  return Tensor::make(format, {rows, cols}, [&](std::span<std::byte> out) { quantize(format, values, out); });
}

struct Kind {
  DType format;
  std::int64_t columns_of_zeros;  ///< two are more than coded bf16 lists
};
constexpr Kind kKinds[] = {{DType::f16, 0}, {DType::bf16, 0}, {DType::bf16, 2}};

std::vector<float> row_of(const std::vector<float>& y, std::int64_t token) {
  return {y.begin() + token * kProductRows, y.begin() + (token + 1) * kProductRows};
}

class LinearWords : public ::testing::TestWithParam<std::string> {};

TEST_P(LinearWords, HalfFloatsMeetManyTokensAsWords) {
  constexpr std::int64_t kThreshold = 6;
  const auto exact = open_level(GetParam(), Precision::exact), words = open_with_words(GetParam(), kThreshold),
             floats = open_with_words(GetParam(), LinearParams::never);
  for (const auto format : {DType::f16, DType::bf16, DType::f32})
    for (const std::int64_t cols : {64, 544, 2048, 48})
      for (const std::int64_t tokens : {5, 6, 7, 33}) {
        SCOPED_TRACE(std::string(name(format)) + " " + std::to_string(cols) + " x" + std::to_string(tokens));
        const auto x = random_values(static_cast<std::size_t>(tokens * cols), 7);
        const auto want = products(*exact, format, x, cols, tokens), got = products(*words, format, x, cols, tokens),
                   as_floats = products(*floats, format, x, cols, tokens);
        const auto most = std::fabs(*std::ranges::max_element(want, {}, [](float v) { return std::fabs(v); }));
        EXPECT_LE(testing::compare(got, want).max_abs_diff, 5e-4 * most);
        const bool are_words = format != DType::f32 && tokens >= kThreshold && cols % 32 == 0;
        for (std::int64_t t = 0; t < tokens; ++t)
          EXPECT_EQ(row_of(got, t) != row_of(as_floats, t), are_words) << "token " << t;
      }
}

TEST_P(LinearWords, BatchInvariantTokensAreWordsHoweverManyThereAre) {
  constexpr std::int64_t kTokens = 19;
  const auto words = open_with_words(GetParam(), 2), invariant = open_with_words(GetParam(), 7, BatchInvariance::on),
             floats = open_with_words(GetParam(), LinearParams::never, BatchInvariance::on);
  for (const auto& [format, zeros] : kKinds)
    for (const std::int64_t cols : {64, 544, 2048}) {
      SCOPED_TRACE(std::string(name(format)) + ", " + std::to_string(zeros) + ", " + std::to_string(cols));
      auto values = random_values(static_cast<std::size_t>(kProductRows * cols), 5);
      for (std::int64_t i = 0; i < kProductRows * cols; ++i)
        if (i % cols < zeros) values[static_cast<std::size_t>(i)] = 0;
      const Tensor weight = tensor_of(format, kProductRows, cols, values);
      const auto x = random_values(static_cast<std::size_t>(kTokens * cols), 7);
      const auto all = product_of(*words, weight, x);
      EXPECT_NE(product_of(*floats, weight, x), all);
      for (const std::int64_t count : {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 18, 19}) {
        const std::int64_t first = kTokens - count;
        const auto got = product_of(*invariant, weight, {x.begin() + first * cols, x.end()});
        for (std::int64_t t = 0; t < count; ++t)
          EXPECT_EQ(row_of(got, t), row_of(all, first + t)) << "token " << t << " of " << count;
      }
    }
}

TEST_P(LinearWords, BitsOfWordsDependNeitherOnThreadsNorOnTasks) {
  constexpr std::int64_t kRows = 83, kCols = 544, kTokens = 33;
  const auto x = random_values(kTokens * kCols, 7);
  for (const auto format : {DType::f16, DType::bf16}) {
    const Tensor weight = random_weight(format, kRows, kCols, 5);
    std::vector<float> first;
    for (const auto& [threads, rows_per_task, tokens_per_tile] :
         {std::tuple{1, 64, 256}, {2, 16, 256}, {4, 4096, 256}, {2, 64, 1}, {3, 32, 3}}) {
      const auto device = open_with_words(GetParam(), 2, BatchInvariance::off, threads,
                                          {{"rows_per_task", rows_per_task}, {"tokens_per_tile", tokens_per_tile}});
      const auto y = product_of(*device, weight, x);
      if (first.empty()) first = y;
      EXPECT_EQ(y, first) << name(format) << " threads " << threads << " rows " << rows_per_task << " tokens "
                          << tokens_per_tile;
    }
  }
}

/// Integers and floats of one matrix meet the same activations where those have fifteen bits; else the floats go
/// without.
TEST_P(LinearWords, WordsBesideIntegers) {
  constexpr std::int64_t kTokens = 9;
  for (const std::int64_t cols : {std::int64_t{256}, kWide}) {
    const std::array<Tensor, 3> parts{random_weight(DType::q4_0, 40, cols, 1), random_weight(DType::f16, 21, cols, 2),
                                      random_weight(DType::bf16, 3, cols, 3)};
    const auto x = random_values(static_cast<std::size_t>(kTokens * cols), 5);
    const auto device = open_with_words(GetParam(), 2);
    const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
    std::vector<float> y(kTokens * 64), want(y.size());
    ops::run<ops::Linear>(*device, {.weight = *packed, .x = {x.data(), kTokens, cols}, .y = {y.data(), kTokens, 64}});
    ops::Linear::reference(*device,
                           {.weight = *packed, .x = {x.data(), kTokens, cols}, .y = {want.data(), kTokens, 64}});
    check_close(y, want, cols >= kWide ? Precision::fast : Precision::standard, GetParam());
  }
}

/// Steps are those of a row's block of 256 columns: what is small there meets nothing of what is large elsewhere.
TEST_P(LinearWords, SmallWeightsKeepTheirBitsBesideBlocksOfLargeOnes) {
  constexpr std::int64_t kRows = 21, kCols = 608, kTokens = 8, kBlock = 256;
  const auto device = open_with_words(GetParam(), 2), exact = open_level(GetParam(), Precision::exact);
  for (const auto& [format, zeros] : kKinds)
    for (const std::int64_t small : {0, 1, 2}) {
      SCOPED_TRACE(std::string(name(format)) + ", " + std::to_string(zeros) + ", block " + std::to_string(small));
      auto values = random_values(kRows * kCols, 8);
      auto x = random_values(kTokens * kCols, 7);
      for (std::int64_t i = 0; i < kRows * kCols; ++i) {
        const std::int64_t col = i % kCols;
        const bool is_last = col % kBlock == kBlock - 1 || col == kCols - 1;  // which tells the steps of its block
        values[static_cast<std::size_t>(i)] *= (col < zeros ? 0.0f
                                                : is_last   ? 16.0f
                                                            : 1.0f) *
                                               (col / kBlock == small ? 1.0f : 512.0f);
      }
      for (std::int64_t i = 0; i < kTokens * kCols; ++i)
        if (i % kCols / kBlock != small) x[static_cast<std::size_t>(i)] = 0;
      const Tensor weight = tensor_of(format, kRows, kCols, values);
      std::uint64_t bytes = 0;
      const auto got = product_of(*device, weight, x, &bytes), want = product_of(*exact, weight, x);
      EXPECT_EQ(bytes < std::uint64_t{32} * kCols * 2, format == DType::bf16 && zeros == 0 && GetParam() != "generic");
      const auto most = std::fabs(*std::ranges::max_element(want, {}, [](float v) { return std::fabs(v); }));
      EXPECT_LE(testing::compare(got, want).max_abs_diff, 3e-3 * most);
      EXPECT_NE(got, want);
    }
}

/// Words have no infinity and no NaN; neither goes lost in any block, nor does a row of zeros or of the smallest
/// weights gain anything.
TEST_P(LinearWords, WordsKeepWhatIsNotFinite) {
  constexpr std::int64_t kRows = 19, kCols = 544, kTokens = 8;
  const auto device = open_with_words(GetParam(), 2);
  const auto x = random_values(kTokens * kCols, 7);
  struct Case {
    DType format;
    bool all_finite;  ///< else bf16 is not coded
  };
  for (const auto [format, all_finite] : {Case{DType::f16, false}, {DType::bf16, false}, {DType::bf16, true}}) {
    auto values = random_values(kRows * kCols, 8);
    const auto row = [&](int r) { return std::span(values).subspan(static_cast<std::size_t>(r * kCols), kCols); };
    if (!all_finite) {
      row(3)[40] = std::numeric_limits<float>::infinity();
      row(5)[543] = -std::numeric_limits<float>::infinity();
      row(6)[300] = std::numeric_limits<float>::quiet_NaN();
      row(7)[512] = -std::numeric_limits<float>::quiet_NaN();
    }
    std::ranges::fill(row(8), 0.0f);
    std::ranges::fill(row(9), format == DType::f16 ? 0x1p-24f : 0x1p-133f);
    std::uint64_t bytes = 0;
    const auto y = product_of(*device, tensor_of(format, kRows, kCols, values), x, &bytes);
    constexpr std::uint64_t kPlainBytes = 32 * kCols * 2;  // of two panels
    EXPECT_EQ(bytes < kPlainBytes, all_finite && GetParam() != "generic");
    for (std::int64_t t = 0; t < kTokens; ++t)
      for (std::int64_t r = 0; r < kRows; ++r) {
        const float got = y[static_cast<std::size_t>(t * kRows + r)];
        const bool is_finite = all_finite || (r != 3 && r != 5 && r != 6 && r != 7);
        EXPECT_EQ(std::isfinite(got), is_finite) << "row " << r << ": " << got;
        if (r == 8 || r == 9) {
          EXPECT_LE(std::fabs(got), r == 8 ? 0.0f : 1e-4f) << "row " << r;
        }
      }
  }
}

/// bf16 is coded where the level is not generic, and has its zeros listed.
TEST_P(LinearWords, CodedWeightsKeepTheirExceptions) {
  constexpr std::int64_t kRows = 21, kCols = 512, kZeros[] = {7, 300};
  auto values = random_values(kRows * kCols, 4);  // as what is not mended, zeros would be 2 in most rows
  for (std::size_t row = 0; row < kRows; ++row)
    for (const auto col : kZeros) values[row * kCols + static_cast<std::size_t>(col)] = 0;
  const Tensor weight = tensor_of(DType::bf16, kRows, kCols, values),
               uncoded = tensor_of(DType::f32, kRows, kCols, values);
  const auto words = open_with_words(GetParam(), 2), floats = open_with_words(GetParam(), LinearParams::never);
  for (const std::int64_t tokens : {8, 18}) {
    auto x = random_values(static_cast<std::size_t>(tokens * kCols), 7);
    for (std::int64_t t = 0; t < tokens; ++t)
      for (const auto col : kZeros) x[static_cast<std::size_t>(t * kCols + col)] = 30;  // shows what is not zero
    std::uint64_t bytes = 0;
    const auto got = product_of(*words, weight, x, &bytes);
    EXPECT_EQ(static_cast<double>(bytes) < 1.7 * 32 * kCols, GetParam() != "generic");
    EXPECT_LE(testing::compare(got, product_of(*floats, uncoded, x)).max_abs_diff, 0.5);
  }
}

TEST_P(LinearWords, CodedWeightsMayBeHugeOrTiny) {
  constexpr std::int64_t kRows = 16, kCols = 256, kTokens = 8;
  constexpr float kTiny = 0x1p-100f;
  auto values = random_values(kRows * kCols, 8);
  for (auto& value : values) value = std::copysign(std::max(std::fabs(value), 0x1p-8f), value);
  const auto row = [&](int r) { return std::span(values).subspan(static_cast<std::size_t>(r * kCols), kCols); };
  for (const int r : {3, 5})
    for (auto& value : row(r)) value *= 0x1p+121f;
  row(3)[40] = -std::numeric_limits<float>::infinity();
  row(5)[255] = std::numeric_limits<float>::quiet_NaN();
  std::ranges::fill(row(7), kTiny);
  const auto x = random_values(kTokens * kCols, 7);
  std::uint64_t bytes = 0;
  const auto y = product_of(*open_with_words(GetParam(), 2), tensor_of(DType::bf16, kRows, kCols, values), x, &bytes);
  EXPECT_EQ(static_cast<double>(bytes) < 1.7 * kRows * kCols, GetParam() != "generic");
  for (std::size_t t = 0; t < kTokens; ++t) {
    for (std::size_t r = 0; r < kRows; ++r)
      EXPECT_EQ(std::isnan(y[t * kRows + r]), r == 3 || r == 5) << "row " << r << ": " << y[t * kRows + r];
    double sum = 0, magnitudes = 0;
    for (std::size_t k = 0; k < kCols; ++k) {
      sum += x[t * kCols + k];
      magnitudes += std::fabs(x[t * kCols + k]);
    }
    EXPECT_NEAR(y[t * kRows + 7] / kTiny, sum, 1e-3 * magnitudes);
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, LinearWords, ::testing::ValuesIn(isa_levels()), [](const auto& i) { return i.param; });

}  // namespace
}  // namespace ttt::test
