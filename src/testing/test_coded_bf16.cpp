#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "backends/cpu/coded_bf16.h"
#include "isa_levels.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/quantize.h"
#include "ttt/ops/linear.h"
#include "ttt/testing/memory_weights.h"

namespace ttt::test {
namespace {

using testing::random_values;

constexpr std::int64_t kCols = 2312;  ///< nine blocks and an octet

std::uint16_t bf16_of(float value) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16); }

/// A panel's weights by row and column, as PanelKind::bf16 has them.
class Panel {
 public:
  explicit Panel(std::int64_t cols) : cols_(cols), words_(static_cast<std::size_t>(cols * 16)) {
    const auto values = random_values(words_.size(), 3, 0.1f);
    std::ranges::transform(values, words_.begin(), bf16_of);
  }
  std::uint16_t& at(std::int64_t row, std::int64_t col) {
    return words_[static_cast<std::size_t>((col / 2 * 16 + row) * 2 + col % 2)];
  }
  /// Codes the panel and reads its rows back. False: it cannot be coded.
  bool survives() {
    std::vector<std::byte> coded(cpu::coded_bf16_bytes(cols_));
    if (!cpu::code_bf16(words_, cols_, coded.data())) return false;
    std::vector<float> row(static_cast<std::size_t>(cols_));
    for (int r = 0; r < 16; ++r) {
      cpu::decode_bf16_row(coded.data(), cols_, r, row);
      for (std::int64_t k = 0; k < cols_; ++k)
        EXPECT_EQ(bf16_of(row[static_cast<std::size_t>(k)]), at(r, k)) << "row " << r << " column " << k;
    }
    return true;
  }

 private:
  std::int64_t cols_;
  std::vector<std::uint16_t> words_;
};

TEST(CodedBf16, TakesThreeQuartersOfTheBytes) {
  EXPECT_LT(cpu::coded_bf16_bytes(2048), 2048 * 16 * 2 * 0.775);
  EXPECT_TRUE(cpu::is_worth_coding(32));
  EXPECT_FALSE(cpu::is_worth_coding(24)) << "the header is as large as what it saves";
  EXPECT_FALSE(cpu::is_worth_coding(2052));
}

TEST(CodedBf16, KeepsEachBit) {
  for (const std::int64_t cols : {8, 256, 264, 576, 2312}) {
    Panel panel(cols);
    EXPECT_TRUE(panel.survives()) << cols;
    // Exponents far below the others', at a block's ends and in between.
    const std::array special{0.0f, -0.0f, 1e-40f, -1e-38f, 1e-20f};
    for (std::size_t i = 0; i < special.size(); ++i)
      panel.at(static_cast<int>(i * 3), i % 2 == 0 ? 0 : std::min<std::int64_t>(cols, 256) - 1) = bf16_of(special[i]);
    panel.at(15, cols / 2) = panel.at(7, cols - 1) = bf16_of(1e-30f);
    EXPECT_TRUE(panel.survives()) << cols;
  }
}

TEST(CodedBf16, RowsOfOtherSizesHaveTheirOwnLargestExponent) {
  Panel panel(512);
  for (std::int64_t k = 0; k < 512; ++k) {
    panel.at(3, k) = 0;
    panel.at(4, k) = bf16_of(1e-30f);
    panel.at(5, k) = bf16_of(std::numeric_limits<float>::infinity());
    panel.at(6, k) = bf16_of(std::numeric_limits<float>::quiet_NaN());
  }
  EXPECT_TRUE(panel.survives());
}

TEST(CodedBf16, BlocksHaveRoomForAColumnOfZerosAndAFewMore) {
  Panel panel(512);
  for (int row = 0; row < 16; ++row) panel.at(row, 300) = 0;
  for (int i = 0; i < 15; ++i) panel.at(i, 256 + 7 * i) = bf16_of(1e-20f);
  EXPECT_TRUE(panel.survives());
  panel.at(15, 511) = 0;
  EXPECT_FALSE(panel.survives());
}

/// Weights that are 2^-30 in `columns` of each 256 columns, where activations are 2^30.
struct FarBelow {
  Tensor weight;
  std::vector<float> x;

  FarBelow(std::int64_t rows, std::int64_t tokens, int columns, DType format = DType::bf16)
      : x(random_values(static_cast<std::size_t>(tokens * kCols), 5)) {
    auto values = random_values(static_cast<std::size_t>(rows * kCols), 4, 0.1f);
    constexpr float kFar = 1 << 30;
    for (std::int64_t first = 0; first < kCols; first += 256)
      for (int i = 0; i < columns; ++i) {
        const std::int64_t width = std::min<std::int64_t>(256, kCols - first),
                           column = first + (first / 256 * 31 + 5 * i) % width;
        for (std::int64_t t = 0; t < tokens; ++t) x[static_cast<std::size_t>(t * kCols + column)] = kFar;
        for (std::int64_t r = 0; r < rows; ++r) values[static_cast<std::size_t>(r * kCols + column)] = 1 / kFar;
      }
    for (auto& value : values) value = bf16_to_f32(f32_to_bf16(value));
    weight = Tensor::make(format, {rows, kCols}, [&](std::span<std::byte> out) { quantize(format, values, out); });
  }
};
/// As many columns as can be coded, and one more.
constexpr int kFits = 1, kTooMany = 2;

class CodedBf16Levels : public ::testing::TestWithParam<std::string> {};

/// A plan, made of weights without data, is for those that cannot be coded.
TEST_P(CodedBf16Levels, PlansBoundWhatIsPacked) {
  const auto device = open_level(GetParam(), Precision::standard);
  for (const auto format : {DType::bf16, DType::f16}) {
    const std::array<Tensor, 1> planned{Tensor::without_data(format, {64, kCols})};
    const auto plan = ops::run<ops::PackMatrix>(*device, {planned})->bytes();
    for (const int columns : {kFits, kTooMany}) {
      const std::array<Tensor, 1> parts{FarBelow(64, 1, columns, format).weight};
      EXPECT_LE(ops::run<ops::PackMatrix>(*device, {parts})->bytes(), plan);
    }
  }
}

std::shared_ptr<const ops::PackedMatrix> packed(Device& device, DType format, std::span<const float> values) {
  const std::array<Tensor, 1> parts{Tensor::make(format, {static_cast<std::int64_t>(values.size()) / kCols, kCols},
                                                 [&](std::span<std::byte> out) { quantize(format, values, out); })};
  return ops::run<ops::PackMatrix>(device, {parts});
}

/// Random values that f16 and bf16 both have.
std::vector<float> values_of_both(std::int64_t rows) {
  auto values = random_values(static_cast<std::size_t>(rows * kCols), 6, 0.1f);
  for (auto& value : values) value = f16_to_f32(f32_to_f16(bf16_to_f32(bf16_of(value))));
  return values;
}

void expect_rows(const ops::PackedMatrix& weight, std::span<const float> values) {
  std::vector<float> row(kCols);
  for (std::int64_t r = 0; r < weight.rows(); ++r) {
    weight.unpack_row(r, row);
    for (std::size_t k = 0; k < row.size(); ++k)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(row[k]),
                std::bit_cast<std::uint32_t>(values[static_cast<std::size_t>(r * kCols) + k]))
          << "row " << r << " column " << k;
  }
}

/// Whole panels in less than two bytes a weight.
bool is_coded(const ops::PackedMatrix& weight) {
  const auto padded_rows = (weight.rows() + 15) / 16 * 16;
  return weight.bytes() < static_cast<std::uint64_t>(padded_rows * weight.cols() * 2);
}

/// Files in f16 are most often made of weights in bf16.
TEST_P(CodedBf16Levels, WeightsInF16ThatAreBf16ArePackedAsSuch) {
  constexpr std::int64_t kRows = 83, kTokens = 4;
  const auto device = open_level(GetParam(), Precision::standard);
  // All weights of a row are exceptions beside an infinite one.
  for (const float last : {0.03125f, std::numeric_limits<float>::infinity()}) {
    auto values = values_of_both(kRows);
    values[7] = 0x1p-20f;  // subnormal in f16
    values[8] = -0.0f;
    values[9] = last;
    const auto f16 = packed(*device, DType::f16, values), bf16 = packed(*device, DType::bf16, values);
    EXPECT_EQ(f16->format(), DType::f16);
    expect_rows(*f16, values);
    if (GetParam() == "generic") continue;  // which packs each as it is
    EXPECT_EQ(is_coded(*f16), std::isfinite(last));
    EXPECT_EQ(f16->bytes(), bf16->bytes());
    const auto x = random_values(static_cast<std::size_t>(kTokens * kCols), 7);
    const auto products = [&](const ops::PackedMatrix& weight) {
      std::vector<float> y(static_cast<std::size_t>(kTokens * kRows));
      ops::run<ops::Linear>(*device,
                            {.weight = weight, .x = {x.data(), kTokens, kCols}, .y = {y.data(), kTokens, kRows}});
      return y;
    };
    EXPECT_EQ(products(*f16), products(*bf16));
  }
}

/// Random rows, but for: zeros, subnormal weights, two kinds of rows with negative bases, the largest exponents that
/// are finite, and in the last panel a negative base again.
std::vector<float> rows_of_all_exponents(std::int64_t rows) {
  auto values = random_values(static_cast<std::size_t>(rows * kCols), 6, 0.1f);
  const auto set = [&](std::int64_t row, auto exponent_of, int mantissas) {
    for (std::int64_t k = 0; k < kCols; ++k) {
      const auto bits =
          static_cast<std::uint16_t>((k % 3 == 0 ? 0x8000 : 0) | exponent_of(k) << 7 | (k * 37) % mantissas);
      values[static_cast<std::size_t>(row * kCols + k)] = bf16_to_f32(bits);
    }
  };
  set(0, [](std::int64_t) { return 0; }, 1);
  set(1, [](std::int64_t) { return 0; }, 128);
  set(2, [](std::int64_t k) { return 1 + k % 14; }, 128);
  set(3, [](std::int64_t k) { return k / 8 % 16; }, 128);
  set(4, [](std::int64_t k) { return 239 + k / 8 % 16; }, 128);
  set(rows - 1, [](std::int64_t k) { return k / 8 % 16; }, 128);
  for (auto& value : values) value = bf16_to_f32(bf16_of(value));
  return values;
}

/// Products with one column show its weights, bit for bit.
TEST_P(CodedBf16Levels, ColumnsOfOneShowEachBit) {
  constexpr std::int64_t kRows = 80;
  const auto values = rows_of_all_exponents(kRows);
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto device = open_level(GetParam(), precision);
    const auto weight = packed(*device, DType::bf16, values);
    EXPECT_EQ(is_coded(*weight), GetParam() != "generic");
    // As many tokens as meet coded weights in registers, and, where all bits are asked for, more.
    for (const std::int64_t tokens : {1, 2, 3, 4, 40}) {
      if (tokens > 3 && precision != Precision::exact) continue;
      for (const std::int64_t first : {0, 1, 2, 3, 4, 5, 6, 7, 248, 254, 256, 2272}) {
        std::vector<float> x(static_cast<std::size_t>(tokens * kCols)), y(static_cast<std::size_t>(tokens * kRows));
        for (std::int64_t t = 0; t < tokens; ++t) x[static_cast<std::size_t>(t * kCols + first + t)] = 1;
        ops::run<ops::Linear>(*device,
                              {.weight = *weight, .x = {x.data(), tokens, kCols}, .y = {y.data(), tokens, kRows}});
        for (std::int64_t t = 0; t < tokens; ++t)
          for (std::int64_t r = 0; r < kRows; ++r) {
            const float got = y[static_cast<std::size_t>(t * kRows + r)],
                        want = values[static_cast<std::size_t>(r * kCols + first + t)];
            // The dot product of AVX-512 BF16 takes what is subnormal for zero.
            const bool is_lost = got == 0 && std::fpclassify(want) == FP_SUBNORMAL && precision != Precision::exact;
            ASSERT_TRUE(got == want || is_lost)
                << "row " << r << " column " << first + t << " of " << tokens << ": " << got << ", not " << want;
          }
      }
    }
  }
}

TEST_P(CodedBf16Levels, OneWeightWithMoreBitsKeepsF16) {
  constexpr std::int64_t kRows = 83, kBlocks = 10;  // each has a number of its rows, too
  const auto device = open_level(GetParam(), Precision::standard);
  for (const std::uint16_t bits : {0x3c01, 0x83ff, 0x7e01}) {
    auto values = values_of_both(kRows);
    values.back() = f16_to_f32(bits);
    const auto weight = packed(*device, DType::f16, values);
    EXPECT_EQ(weight->bytes(), std::size_t{96} * (kCols + kBlocks) * 2) << bits;
    expect_rows(*weight, values);
  }
}

void expect_close(std::span<const float> got, std::span<const float> want, Precision precision) {
  const double tolerance = precision == Precision::exact ? 1e-4 : 2e-2;
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_LE(std::fabs(got[i] - want[i]), tolerance * (9 + std::fabs(want[i]))) << "output " << i;
}

/// In words a weight so far below another one is nothing.
TEST_P(CodedBf16Levels, ProductsHaveTheExceptions) {
  constexpr std::int64_t kRows = 83;
  auto config = level_config(GetParam());
  config.overrides["linear"]["words_min_tokens"] = LinearParams::never;
  for (const int columns : {kFits, kTooMany})
    for (const auto precision : {Precision::exact, Precision::standard})
      for (const std::int64_t tokens : {1, 2, 3, 4, 8, 15, 16, 40}) {
        SCOPED_TRACE(std::to_string(columns) + " columns far below, tokens " + std::to_string(tokens));
        const FarBelow from(kRows, tokens, columns);
        const auto device = Device::open(config, {.threads = 2, .precision = precision, .log = silent_log()});
        const std::array<Tensor, 1> parts{from.weight};
        const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
        const double per_weight = static_cast<double>(packed->bytes()) / (96 * kCols);
        EXPECT_EQ(per_weight < 1.6, columns == kFits && GetParam() != "generic") << per_weight;
        std::vector<float> y(static_cast<std::size_t>(tokens * kRows)), want(y.size());
        const auto args = [&](std::vector<float>& out) {
          return ops::Linear::Args{
              .weight = *packed, .x = {from.x.data(), tokens, kCols}, .y = {out.data(), tokens, kRows}};
        };
        ops::run<ops::Linear>(*device, args(y));
        ops::Linear::reference(*device, args(want));
        expect_close(y, want, precision);
      }
}

TEST_P(CodedBf16Levels, AGateThatIsCodedMeetsAnUpThatIsNot) {
  constexpr std::int64_t kRows = 37, kTokens = 3;
  const auto device = open_level(GetParam(), Precision::exact);
  const FarBelow coded(kRows, kTokens, kFits), plain(kRows, kTokens, kTooMany);
  const std::array<Tensor, 1> gate{coded.weight}, up{plain.weight};
  const auto packed_gate = ops::run<ops::PackMatrix>(*device, {gate}),
             packed_up = ops::run<ops::PackMatrix>(*device, {up});
  std::vector<float> y(kTokens * kRows), want(y.size());
  const auto args = [&](std::vector<float>& out) {
    return ops::GatedLinear::Args{.gate = *packed_gate,
                                  .up = *packed_up,
                                  .x = {coded.x.data(), kTokens, kCols},
                                  .y = {out.data(), kTokens, kRows},
                                  .activation = Activation::silu};
  };
  ops::run<ops::GatedLinear>(*device, args(y));
  ops::GatedLinear::reference(*device, args(want));
  expect_close(y, want, Precision::exact);
}

TEST_P(CodedBf16Levels, RowsAreReadBackBitForBit) {
  const auto device = open_level(GetParam(), Precision::standard);
  for (const int columns : {kFits, kTooMany}) {
    const FarBelow from(19, 1, columns);
    const std::array<Tensor, 1> parts{from.weight};
    const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
    const Tensor want = to_f32(from.weight);
    std::vector<float> row(kCols);
    for (std::int64_t r = 0; r < 19; ++r) {
      packed->unpack_row(r, row);
      EXPECT_EQ(std::memcmp(row.data(), want.values<float>().data() + r * kCols, kCols * sizeof(float)), 0) << r;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, CodedBf16Levels, ::testing::ValuesIn(linear_levels()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ttt::test
