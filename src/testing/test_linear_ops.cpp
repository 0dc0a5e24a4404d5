#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "linear_cases.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/quantize.h"
#include "ttt/ops/norm.h"

namespace ttt::test {
namespace {

struct Sizes {
  std::int64_t rows, cols, tokens;
};
constexpr std::array<Sizes, 17> kSizes{{{1, 32, 1},
                                        {21, 33, 6},
                                        {15, 64, 2},
                                        {17, 96, 7},
                                        {64, 576, 1},
                                        {331, 64, 9},
                                        {48, 128, 64},
                                        {80, 32, 67},
                                        {64, 512, 1},
                                        {1500, 288, 1},  // tasks of four panels, and one of two
                                        {35, 256, 15},
                                        {50, 256, 8},
                                        {50, 512, 4},
                                        {83, 768, 70},
                                        {33, 2080, 3},
                                        {19, 48, 5},  // rows that end with half a group
                                        {33, 272, 1}}};
constexpr std::array<DType, 17> kFormats{DType::f32,  DType::f16,  DType::bf16, DType::q4_0,   DType::q4_1,
                                         DType::q5_0, DType::q5_1, DType::q8_0, DType::q2_k,   DType::q3_k,
                                         DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl, DType::mxfp4,
                                         DType::bfp8, DType::bfp4};

class LinearOps : public ::testing::TestWithParam<std::string> {};

constexpr std::array kPrecisions{Precision::exact, Precision::standard, Precision::fast};

TEST_P(LinearOps, LinearFollowsTheReference) {
  for (const auto precision : kPrecisions) {
    const auto device = open_level(GetParam(), precision);
    for (const auto format : kFormats)
      for (const auto& [rows, cols, tokens] : kSizes) {
        if (!fills_blocks(format, cols)) continue;
        SCOPED_TRACE(std::string(name(format)) + " " + std::to_string(rows) + "x" + std::to_string(cols) + " tokens " +
                     std::to_string(tokens));
        const std::array<Tensor, 1> parts{random_weight(format, rows, cols, 5)};
        const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
        const auto bias = random_values(static_cast<std::size_t>(rows), 6);
        const auto x = random_values(static_cast<std::size_t>(tokens * cols), 7);
        auto y = random_values(static_cast<std::size_t>(tokens * rows), 8), want = y;
        const auto args = [&](std::vector<float>& out) {
          return ops::Linear::Args{.weight = *packed,
                                   .bias = bias.data(),
                                   .x = {x.data(), tokens, cols},
                                   .y = {out.data(), tokens, rows},
                                   .activation = Activation::silu,
                                   .scale = 0.7f,
                                   .write = ops::Write::add};
        };
        ops::run<ops::Linear>(*device, args(y));
        ops::Linear::reference(*device, args(want));
        check_close(y, want, cols >= kWide && precision == Precision::standard ? Precision::fast : precision,
                    GetParam());
      }
  }
}

Tensor doubles(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  const auto values = random_values(static_cast<std::size_t>(rows * cols), seed);
  return Tensor::from<double>(std::vector<double>(values.begin(), values.end()), {rows, cols});
}

void check_packed_rows(Device& device, DType format, std::int64_t cols) {
  const auto weight = [&](std::int64_t rows, std::uint64_t seed) {
    return format == DType::f64 ? doubles(rows, cols, seed) : random_weight(format, rows, cols, seed);
  };
  const std::array<Tensor, 2> parts{weight(19, 1), weight(5, 2)};
  const auto packed = ops::run<ops::PackMatrix>(device, {parts});
  std::vector<float> row(static_cast<std::size_t>(cols));
  for (std::int64_t r = 0; r < 24; ++r) {
    packed->unpack_row(r, row);
    const Tensor want = to_f32(parts[r < 19 ? 0 : 1]);
    const auto values =
        want.values<float>().subspan(static_cast<std::size_t>((r < 19 ? r : r - 19) * cols), row.size());
    EXPECT_TRUE(std::equal(row.begin(), row.end(), values.begin())) << name(format) << " " << cols << " row " << r;
  }
}

TEST_P(LinearOps, PackedRowsAreTheDequantisedOnes) {
  const auto device = open_level(GetParam(), Precision::exact);
  std::vector<DType> formats(kFormats.begin(), kFormats.end());
  formats.push_back(DType::f64);  // packed as f32
  for (const auto format : formats)
    for (const std::int64_t cols : {33, 48, 64, 272, 512})
      if (fills_blocks(format, cols)) check_packed_rows(*device, format, cols);
}

TEST_P(LinearOps, PartsInDifferentFormatsKeepTheirOwn) {
  constexpr std::int64_t kRows = 352, kCols = 256;
  const std::array<Tensor, 3> parts{random_weight(DType::q4_k, 200, kCols, 1), random_weight(DType::q6_k, 83, kCols, 2),
                                    random_weight(DType::f16, 69, kCols, 3)};
  for (const auto precision : kPrecisions) {
    const auto device = open_level(GetParam(), precision);
    const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
    EXPECT_LT(packed->bytes(), static_cast<std::uint64_t>(kRows * kCols * 2));
    const auto bias = random_values(kRows, 4);
    for (const std::int64_t tokens : {1, 11}) {
      const auto x = random_values(static_cast<std::size_t>(tokens * kCols), 5);
      std::vector<float> y(static_cast<std::size_t>(tokens * kRows)), want(y.size());
      const auto args = [&](std::vector<float>& out) {
        return ops::Linear::Args{
            .weight = *packed, .bias = bias.data(), .x = {x.data(), tokens, kCols}, .y = {out.data(), tokens, kRows}};
      };
      ops::run<ops::Linear>(*device, args(y));
      ops::Linear::reference(*device, args(want));
      check_close(y, want, precision, GetParam());
    }
  }
}

/// Which scales activations have depends on all the formats that they meet: a K-quant by itself takes one for 256
/// columns.
TEST_P(LinearOps, KQuantsBesideOtherFormatsFollowTheReference) {
  constexpr std::int64_t kRows = 83, kCols = 512, kTokens = 16;
  const auto device = open_level(GetParam(), Precision::fast);
  const auto x = with_outliers(random_values(kTokens * kCols, 5));
  for (const auto format : {DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k})
    for (const auto other : {DType::q4_0, DType::q5_1, DType::q8_0, DType::iq4_nl}) {
      SCOPED_TRACE(std::string(name(format)) + " " + std::string(name(other)));
      const std::array<Tensor, 2> parts{random_weight(format, 50, kCols, 1),
                                        random_weight(other, kRows - 50, kCols, 2)};
      const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
      const auto run = [&](std::int64_t tokens, bool reference) {
        std::vector<float> y(static_cast<std::size_t>(tokens * kRows));
        const ops::Linear::Args args{.weight = *packed, .x = {x.data(), tokens, kCols}, .y = {y.data(), tokens, kRows}};
        reference ? ops::Linear::reference(*device, args) : ops::run<ops::Linear>(*device, args);
        return y;
      };
      const auto whole = run(kTokens, false);
      check_close(whole, run(kTokens, true), Precision::fast, GetParam());
      for (const std::int64_t tokens : {1, 2, 3, 7, 8, 9}) {
        const auto some = run(tokens, false);
        EXPECT_TRUE(std::equal(some.begin(), some.end(), whole.begin())) << tokens << " tokens";
      }
    }
}

/// Packed weights take about the bytes that the format takes: panels pad the rows to 16, and some formats' scales.
TEST_P(LinearOps, PackedWeightsTakeAboutTheirOwnSize) {
  const auto device = open_level(GetParam(), Precision::standard);
  for (const auto format : kFormats) {
    const std::array<Tensor, 1> parts{random_weight(format, 64, 1024, 1)};
    const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
    EXPECT_LE(static_cast<double>(packed->bytes()), 1.06 * static_cast<double>(parts[0].bytes().size()))
        << name(format);
  }
}

TEST_P(LinearOps, GatedLinearFollowsTheReferenceEvenForMixedFormats) {
  for (const auto precision : kPrecisions)
    for (const auto activation : {Activation::silu, Activation::gelu, Activation::gelu_tanh, Activation::relu})
      for (const auto up_format : {DType::q4_0, DType::f32, DType::iq4_nl}) {
        const auto device = open_level(GetParam(), precision);
        const std::array<Tensor, 1> gate{random_weight(DType::q4_0, 37, 96, 1)},
            up{random_weight(up_format, 37, 96, 2)};
        const auto packed_gate = ops::run<ops::PackMatrix>(*device, {gate}),
                   packed_up = ops::run<ops::PackMatrix>(*device, {up});
        const auto x = random_values(9 * 96, 3);
        std::vector<float> y(9 * 37), want(y.size());
        const auto args = [&](std::vector<float>& out) {
          return ops::GatedLinear::Args{.gate = *packed_gate,
                                        .up = *packed_up,
                                        .x = {x.data(), 9, 96},
                                        .y = {out.data(), 9, 37},
                                        .activation = activation};
        };
        ops::run<ops::GatedLinear>(*device, args(y));
        ops::GatedLinear::reference(*device, args(want));
        check_close(y, want, precision, GetParam());
      }
}

TEST_P(LinearOps, BitsDependNeitherOnThreadsNorWhenAskedOnTokens) {
  for (const auto precision : kPrecisions)
    for (const auto invariance : {BatchInvariance::on, BatchInvariance::off})
      for (const auto format : kFormats) {
        const std::int64_t cols = fills_blocks(format, 112) ? 112 : fills_blocks(format, 96) ? 96 : 512;
        const auto x = with_outliers(random_values(static_cast<std::size_t>(70 * cols), 7));
        const auto run = [&](int threads, std::int64_t first, std::int64_t tokens) {
          const auto device = open_level(GetParam(), precision, threads, invariance);
          const std::array<Tensor, 1> parts{random_weight(format, 83, cols, 5)};
          const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
          std::vector<float> y(static_cast<std::size_t>(tokens * 83));
          ops::run<ops::Linear>(
              *device, {.weight = *packed, .x = {x.data() + first * cols, tokens, cols}, .y = {y.data(), tokens, 83}});
          return y;
        };
        const auto whole = run(1, 0, 70);
        EXPECT_EQ(run(2, 0, 70), whole);
        EXPECT_EQ(run(4, 0, 70), whole);
        if (invariance == BatchInvariance::off && precision != Precision::exact) continue;
        for (const auto& [first, tokens] :
             {std::pair{0, 1}, {7, 1}, {69, 1}, {5, 3}, {24, 4}, {30, 7}, {8, 8}, {20, 16}, {16, 40}}) {
          const auto some = run(2, first, tokens);
          EXPECT_TRUE(std::equal(some.begin(), some.end(), whole.begin() + first * 83))
              << name(format) << " tokens from " << first;
        }
      }
}

/// Panels are met by fours, some of a task apart, or one by one: whichever, a row has the same bits.
TEST_P(LinearOps, BitsDoNotDependOnTheLengthOfTasks) {
  constexpr std::int64_t kRows = 363;  // tasks of twelve panels and of eleven
  for (const auto precision : kPrecisions) {
    const auto open_with = [&](std::int64_t rows_per_task) {
      auto config = level_config(GetParam());
      Params& linear = config.overrides["linear"];
      linear["rows_per_task"] = linear["rows_per_long_task"] = rows_per_task;
      return Device::open(std::move(config), {.threads = 2, .precision = precision, .log = silent_log()});
    };
    const auto long_tasks = open_with(192), short_tasks = open_with(16);
    for (const auto format : kFormats)
      for (const std::int64_t cols : {std::int64_t{256}, kWide + 256}) {
        const auto weight = random_weight(format, kRows, cols, 5);
        for (const std::int64_t tokens : {1, 3, 9}) {
          const auto x = with_outliers(random_values(static_cast<std::size_t>(tokens * cols), 7));
          EXPECT_EQ(product_of(*long_tasks, weight, x), product_of(*short_tasks, weight, x))
              << name(format) << " columns " << cols << " tokens " << tokens;
        }
      }
  }
}

// One thread takes many rows at once, eight take few.
TEST_P(LinearOps, LongTasksOfFewTokensHaveTheSameBits) {
  constexpr std::int64_t kRows = 2507, kCols = 64;
  for (const auto format : {DType::f32, DType::bf16, DType::q4_0})
    for (const std::int64_t tokens : {1, 4}) {
      const auto x = random_values(static_cast<std::size_t>(tokens * kCols), 11);
      const auto run = [&](int threads, bool reference) {
        const auto device = open_level(GetParam(), Precision::standard, threads);
        const std::array<Tensor, 1> gates{random_weight(format, kRows, kCols, 12)},
            ups{random_weight(format, kRows, kCols, 13)};
        const auto gate = ops::run<ops::PackMatrix>(*device, {gates}), up = ops::run<ops::PackMatrix>(*device, {ups});
        std::vector<float> y(static_cast<std::size_t>(tokens * kRows));
        const ops::GatedLinear::Args args{
            .gate = *gate, .up = *up, .x = {x.data(), tokens, kCols}, .y = {y.data(), tokens, kRows}};
        reference ? ops::GatedLinear::reference(*device, args) : ops::run<ops::GatedLinear>(*device, args);
        return y;
      };
      const auto y = run(1, false);
      EXPECT_EQ(run(8, false), y) << name(format) << ", " << tokens << " tokens";
      check_close(y, run(1, true), Precision::standard, GetParam());
    }
}

TEST_P(LinearOps, NormsFollowTheReference) {
  const auto device = open_level(GetParam(), Precision::exact);
  for (const std::int64_t cols : {1, 7, 16, 33, 576})
    for (const std::int64_t rows : {1, 3, 40}) {
      const auto x = random_values(static_cast<std::size_t>(rows * cols * 2), 1, 2.0f, 0.5f);
      const auto weight = random_values(static_cast<std::size_t>(cols), 2),
                 bias = random_values(static_cast<std::size_t>(cols), 3);
      std::vector<float> y(x.size()), want(x.size());
      const auto rms = [&](std::vector<float>& out) {
        return ops::RmsNorm::Args{.x = {x.data(), rows, 2 * cols},
                                  .weight = weight.data(),
                                  .eps = 1e-5f,
                                  .y = {out.data(), rows, 2 * cols},
                                  .group = cols};
      };
      ops::run<ops::RmsNorm>(*device, rms(y));
      ops::RmsNorm::reference(*device, rms(want));
      EXPECT_LE(testing::compare(y, want).max_abs_diff, 2e-5);
      const auto layer = [&](std::vector<float>& out) {
        return ops::LayerNorm::Args{.x = {x.data(), rows, 2 * cols},
                                    .weight = weight.data(),
                                    .bias = bias.data(),
                                    .eps = 1e-2f,
                                    .y = {out.data(), rows, 2 * cols},
                                    .write = ops::Write::add,
                                    .group = cols};
      };
      ops::run<ops::LayerNorm>(*device, layer(y));
      ops::LayerNorm::reference(*device, layer(want));
      EXPECT_LE(testing::compare(y, want).max_abs_diff, 5e-5);
    }
}

INSTANTIATE_TEST_SUITE_P(Isa, LinearOps, ::testing::ValuesIn(linear_levels()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ttt::test
