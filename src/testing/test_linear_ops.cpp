#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>

#include "isa_levels.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/quantize.h"
#include "ttt/ops/linear.h"
#include "ttt/ops/norm.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt::test {
namespace {

using testing::random_values;
using testing::random_weight;

struct Sizes {
  std::int64_t rows, cols, tokens;
};
constexpr std::array<Sizes, 14> kSizes{{{1, 32, 1},
                                        {21, 33, 6},
                                        {15, 64, 2},
                                        {17, 96, 7},
                                        {64, 576, 1},
                                        {331, 64, 9},
                                        {48, 128, 64},
                                        {80, 32, 67},
                                        {64, 512, 1},
                                        {35, 256, 15},
                                        {83, 768, 70},
                                        {33, 2080, 3},
                                        {19, 48, 5},  // rows that end with half a group
                                        {33, 272, 1}}};
constexpr std::array<DType, 17> kFormats{DType::f32,  DType::f16,  DType::bf16, DType::q4_0,   DType::q4_1,
                                         DType::q5_0, DType::q5_1, DType::q8_0, DType::q2_k,   DType::q3_k,
                                         DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl, DType::mxfp4,
                                         DType::bfp8, DType::bfp4};

bool fills_blocks(DType format, std::int64_t cols) { return cols % info(format).block_size == 0; }

class LinearOps : public ::testing::TestWithParam<std::string> {};

constexpr std::array kPrecisions{Precision::exact, Precision::standard, Precision::fast};

constexpr std::int64_t kWide = 2048;  ///< columns from which on eight bits of activations do

/// For rows of few columns: activations have 8 bits under fast, and tiles of AMX hold bf16.
void check_close(const std::vector<float>& got, const std::vector<float>& want, Precision precision,
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

/// `values`, which are at most 1, with one in 101 standing out.
std::vector<float> with_outliers(std::vector<float> values) {
  for (std::size_t i = 17; i < values.size(); i += 101) values[i] = 30;
  return values;
}

/// The first `tokens` rows of x times 48 rows.
std::vector<float> products(Device& device, DType format, const std::vector<float>& x, std::int64_t cols,
                            std::int64_t tokens) {
  constexpr std::int64_t kRows = 48;
  const std::array<Tensor, 1> parts{random_weight(format, kRows, cols, 5)};
  const auto packed = ops::run<ops::PackMatrix>(device, {parts});
  std::vector<float> y(static_cast<std::size_t>(tokens * kRows));
  ops::run<ops::Linear>(device, {.weight = *packed, .x = {x.data(), tokens, cols}, .y = {y.data(), tokens, kRows}});
  return y;
}

/// Where eight bits of activations are used, and that they are: the results differ from those of fifteen.
TEST_P(LinearOps, EightBitsAreTakenWhereTheLevelHasRoomForThem) {
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
      const bool tiles = level == "amx" && tokens >= 16, full_bytes = format != DType::q4_0;
      const bool bf16_dots = level == "avx512" && DeviceConfig::named("x86-avx512").has_feature("avx512_bf16");
      const bool room = format == DType::bf16 ? bf16_dots : !(level == "avx2" && full_bytes);
      EXPECT_EQ(run(format, kNarrow, tokens, Precision::fast) != run(format, kNarrow, tokens, Precision::standard),
                room && !tiles);
      // Wide layers take eight bits in any batch, but for bf16 weights, which may meet two bf16 in small ones.
      const auto invariant = run(format, kWide, tokens, Precision::standard, BatchInvariance::on);
      const auto difference = testing::compare(invariant, run(format, kWide, tokens, Precision::exact)).max_abs_diff;
      EXPECT_EQ(difference > 1e-2, room) << difference;
      const bool two_parts = format == DType::bf16 && room && tokens < 4;
      const auto params = DeviceConfig::named("x86-" + level).optimal_params<LinearParams>();
      const bool words = format == DType::bf16 && !bf16_dots && tokens >= params.words_min_tokens;
      EXPECT_EQ(run(format, kWide, tokens, Precision::standard) != invariant, tiles || two_parts || words);
      EXPECT_EQ(run(format, kWide, tokens, Precision::fast, BatchInvariance::on), invariant);
    }
}

/// bf16 weights meet bf16 or words from as many tokens on as the parameters say, and f32 before; where bits must not
/// depend on the number of tokens, always or never.
TEST_P(LinearOps, ParametersChooseKernelsByTheNumberOfTokens) {
  const auto config = DeviceConfig::named(std::string("x86-") + GetParam());
  const auto known = config.get_optimal_params(LinearParams::operation);
  const auto x = random_values(64 * kWide, 7);
  bool any = false;
  constexpr std::array kKeys{"bf16_min_tokens", "amx_min_tokens", "words_min_tokens"};
  for (const auto* key : kKeys) {
    if (!known.contains(key)) continue;
    any = true;
    const auto run = [&](std::int64_t threshold, std::int64_t tokens, BatchInvariance invariance) {
      auto tuned = config;
      for (const auto* each : kKeys)
        if (known.contains(each)) tuned.overrides[std::string(LinearParams::operation)][each] = LinearParams::never;
      tuned.overrides[std::string(LinearParams::operation)][key] = threshold;
      const auto device = Device::open(
          tuned, {.threads = 2, .precision = Precision::fast, .batch_invariance = invariance, .log = silent_log()});
      return products(*device, DType::bf16, x, kWide, tokens);
    };
    for (const std::int64_t tokens : {1, 15, 16, 64}) {
      SCOPED_TRACE(std::string(key) + " 16, tokens " + std::to_string(tokens));
      EXPECT_EQ(run(16, tokens, BatchInvariance::off) != run(LinearParams::never, tokens, BatchInvariance::off),
                tokens >= 16);
      EXPECT_EQ(run(16, tokens, BatchInvariance::on), run(LinearParams::never, tokens, BatchInvariance::on));
    }
  }
  if (!any) GTEST_SKIP() << GetParam() << " has no kernels for bf16 of their own";
}

/// An odd one among the tokens goes without.
TEST_P(LinearOps, HalfFloatsMeetManyTokensAsWords) {
  constexpr std::int64_t kThreshold = 6, kRows = 48;
  const auto exact = open_level(GetParam(), Precision::exact), words = open_with_words(GetParam(), kThreshold),
             floats = open_with_words(GetParam(), LinearParams::never),
             invariant = open_with_words(GetParam(), 1, BatchInvariance::on);
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
        EXPECT_EQ(got != as_floats, are_words);
        const auto last = static_cast<std::ptrdiff_t>((tokens - 1) * kRows);
        EXPECT_EQ(std::equal(got.begin() + last, got.end(), as_floats.begin() + last), !are_words || tokens % 2 == 1);
        EXPECT_EQ(products(*invariant, format, x, cols, tokens), as_floats);
      }
}

TEST_P(LinearOps, BitsOfWordsDependNeitherOnThreadsNorOnTasks) {
  constexpr std::int64_t kRows = 83, kCols = 544, kTokens = 33;
  const auto x = random_values(kTokens * kCols, 7);
  for (const auto format : {DType::f16, DType::bf16}) {
    const std::array<Tensor, 1> parts{random_weight(format, kRows, kCols, 5)};
    std::vector<float> first;
    for (const auto& [threads, rows_per_task, tokens_per_tile] :
         {std::tuple{1, 64, 256}, {2, 16, 256}, {4, 4096, 256}, {2, 64, 1}, {3, 32, 3}}) {
      const auto device = open_with_words(GetParam(), 2, BatchInvariance::off, threads,
                                          {{"rows_per_task", rows_per_task}, {"tokens_per_tile", tokens_per_tile}});
      const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
      std::vector<float> y(kTokens * kRows);
      ops::run<ops::Linear>(*device,
                            {.weight = *packed, .x = {x.data(), kTokens, kCols}, .y = {y.data(), kTokens, kRows}});
      if (first.empty()) first = y;
      EXPECT_EQ(y, first) << name(format) << " threads " << threads << " rows " << rows_per_task << " tokens "
                          << tokens_per_tile;
    }
  }
}

/// Integers and floats of one matrix meet the same activations where those have fifteen bits; else the floats go
/// without.
TEST_P(LinearOps, WordsBesideIntegers) {
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

/// Words have no infinity and no NaN; neither goes lost, nor does a row of zeros or of the smallest weights gain
/// anything.
TEST_P(LinearOps, WordsKeepWhatIsNotFinite) {
  constexpr std::int64_t kRows = 19, kCols = 96, kTokens = 8;
  const auto device = open_with_words(GetParam(), 2);
  const auto x = random_values(kTokens * kCols, 7);
  for (const auto format : {DType::f16, DType::bf16}) {
    auto values = random_values(kRows * kCols, 8);
    const auto row = [&](int r) { return std::span(values).subspan(static_cast<std::size_t>(r * kCols), kCols); };
    row(3)[40] = std::numeric_limits<float>::infinity();
    row(5)[95] = -std::numeric_limits<float>::infinity();
    row(6)[0] = std::numeric_limits<float>::quiet_NaN();
    row(7)[33] = -std::numeric_limits<float>::quiet_NaN();
    std::ranges::fill(row(8), 0.0f);
    std::ranges::fill(row(9), format == DType::f16 ? 0x1p-24f : 0x1p-133f);
    const std::array<Tensor, 1> parts{
        Tensor::make(format, {kRows, kCols}, [&](std::span<std::byte> out) { quantize(format, values, out); })};
    const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
    std::vector<float> y(kTokens * kRows);
    ops::run<ops::Linear>(*device,
                          {.weight = *packed, .x = {x.data(), kTokens, kCols}, .y = {y.data(), kTokens, kRows}});
    for (std::int64_t t = 0; t < kTokens; ++t)
      for (std::int64_t r = 0; r < kRows; ++r) {
        const float got = y[static_cast<std::size_t>(t * kRows + r)];
        const bool is_finite = r != 3 && r != 5 && r != 6 && r != 7;
        EXPECT_EQ(std::isfinite(got), is_finite) << "row " << r << ": " << got;
        if (r == 8 || r == 9) {
          EXPECT_LE(std::fabs(got), r == 8 ? 0.0f : 1e-4f) << "row " << r;
        }
      }
  }
}

/// A value that stands out of its row does not cost the others of its group their bits: without refinement the
/// difference is ten times as large.
TEST_P(LinearOps, EightBitsAreRefinedWhereAValueStandsOut) {
  const auto exact = open_level(GetParam(), Precision::exact), fast = open_level(GetParam(), Precision::fast);
  const auto difference = [&](DType format, const std::vector<float>& x, std::int64_t cols, std::int64_t tokens) {
    const auto got = products(*fast, format, x, cols, tokens), want = products(*exact, format, x, cols, tokens);
    const auto most = *std::ranges::max_element(want, {}, [](float v) { return std::fabs(v); });
    return testing::compare(got, want).max_abs_diff / std::fabs(most);
  };
  struct Shape {
    std::int64_t cols, tokens;
  };
  // Tiles of several sizes, a block of one group behind whole ones, one token that two threads quantise.
  for (const auto [cols, tokens] : {Shape{256, 7}, {2080, 3}, {8192, 1}, {512, 15}})
    for (const auto format : {DType::q4_0, DType::q4_1, DType::q6_k, DType::mxfp4}) {
      if (!fills_blocks(format, cols)) continue;
      SCOPED_TRACE(std::string(name(format)) + " " + std::to_string(cols) + " x" + std::to_string(tokens));
      const auto x = random_values(static_cast<std::size_t>(tokens * cols), 7);
      EXPECT_LE(difference(format, with_outliers(x), cols, tokens), 2e-3);
      EXPECT_LE(difference(format, x, cols, tokens), 1e-2) << "none is refined, after some were";
    }
}

/// Where all values that are not zero are in refined groups, what is left of their difference is what two cells lack: a
/// 508th of the first one's step at most.
TEST_P(LinearOps, RefinedGroupsHaveSixteenBits) {
  constexpr std::int64_t kCols = 512, kTokens = 5;
  auto x = random_values(kTokens * kCols, 7);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (i / 32 % 2 == 1)
      x[i] = 0;
    else if (i % 32 == 5)
      x[i] = 30;
  const auto exact = open_level(GetParam(), Precision::exact), fast = open_level(GetParam(), Precision::fast);
  for (const auto format : {DType::q4_0, DType::mxfp4}) {
    const auto got = products(*fast, format, x, kCols, kTokens), want = products(*exact, format, x, kCols, kTokens);
    const auto most = *std::ranges::max_element(want, {}, [](float v) { return std::fabs(v); });
    EXPECT_LE(testing::compare(got, want).max_abs_diff, 8e-5 * std::fabs(most)) << name(format);
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
  for (const auto precision : kPrecisions) {
    const auto device = open_level(GetParam(), precision);
    const std::array<Tensor, 3> parts{random_weight(DType::q4_k, 40, 256, 1), random_weight(DType::q6_k, 19, 256, 2),
                                      random_weight(DType::f16, 5, 256, 3)};
    const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
    EXPECT_LT(packed->bytes(), 64u * 256u * 2u);
    const auto bias = random_values(64, 4), x = random_values(11 * 256, 5);
    std::vector<float> y(11 * 64), want(y.size());
    ops::run<ops::Linear>(*device,
                          {.weight = *packed, .bias = bias.data(), .x = {x.data(), 11, 256}, .y = {y.data(), 11, 64}});
    ops::Linear::reference(
        *device, {.weight = *packed, .bias = bias.data(), .x = {x.data(), 11, 256}, .y = {want.data(), 11, 64}});
    check_close(y, want, precision, GetParam());
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
        for (const auto& [first, tokens] : {std::pair{0, 1}, {7, 1}, {69, 1}, {5, 3}, {30, 7}, {20, 16}, {16, 40}}) {
          const auto some = run(2, first, tokens);
          EXPECT_TRUE(std::equal(some.begin(), some.end(), whole.begin() + first * 83))
              << name(format) << " tokens from " << first;
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

INSTANTIATE_TEST_SUITE_P(Isa, LinearOps, ::testing::ValuesIn(isa_levels()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ttt::test
