#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "support.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/quantize.h"
#include "ttt/formats/safetensors.h"
#include "ttt/testing/memory_weights.h"

namespace ttt {
namespace {

std::shared_ptr<const WeightSource> goldens() { return open_safetensors(TTT_FORMATS_DATA "/blocks.safetensors"); }

class BlockFormat : public ::testing::TestWithParam<const char*> {};

TEST_P(BlockFormat, DecodesToTheSameBitsAsGguf) {
  const std::string name = GetParam();
  const auto file = goldens();
  const auto blocks = file->load(name + ".blocks"), expected = file->load(name + ".expected");
  std::vector<float> got(expected.bytes().size() / sizeof(float));
  dequantize(parse_dtype(name).value(), blocks.bytes(), got);
  const auto want = test::to_vector(expected);
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(want[i]))
        << name << " element " << i << ": " << got[i] << " instead of " << want[i];
}
INSTANTIATE_TEST_SUITE_P(All, BlockFormat,
                         ::testing::Values("f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k",
                                           "q4_k", "q5_k", "q6_k", "iq4_nl", "mxfp4"));

class Encoder : public ::testing::TestWithParam<const char*> {};

TEST_P(Encoder, WritesTheSameBytesAsGguf) {
  const std::string name = GetParam();
  const auto file = goldens();
  const auto input = test::to_vector(file->load(name + ".input"));
  const auto expected = file->load(name + ".encoded");
  std::vector<std::byte> got(expected.bytes().size());
  quantize(parse_dtype(name).value(), input, got);
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected.bytes()[i]) << name << " byte " << i;
}
INSTANTIATE_TEST_SUITE_P(All, Encoder, ::testing::Values("f16", "bf16", "q8_0", "q4_0"));

TEST(Half, EveryFiniteValueSurvivesARoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((half & 0x7C00) == 0x7C00 && (half & 0x3FF)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(half)));
      continue;
    }
    ASSERT_EQ(f32_to_f16(f16_to_f32(half)), half);
  }
}

#if defined(__x86_64__)
/// As those do that run in a program linked with -ffast-math.
TEST(Half, IsExactWhereProcessorsTakeSubnormalOperandsForZeros) {
  constexpr unsigned kDenormalsAreZero = 0x40, kFlushToZero = 0x8000;
  std::vector<std::uint16_t> halves(0x400);
  std::iota(halves.begin(), halves.end(), std::uint16_t{0});
  std::vector<float> values(halves.size());
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | kDenormalsAreZero | kFlushToZero);
  dequantize(DType::f16, std::as_bytes(std::span(halves)), values);
  _mm_setcsr(before);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<float>(i) * 0x1p-24f);
}
#endif

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(f32_to_f16(65519.99f), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7C00);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0x0000);
  EXPECT_EQ(f32_to_f16(0x1.8p-24f), 0x0002);
  EXPECT_EQ(f32_to_f16(-std::numeric_limits<float>::infinity()), 0xFC00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::quiet_NaN()) & 0x7E00, 0x7E00);
}

TEST(Brain, NanStaysNan) {
  const auto nan = std::bit_cast<float>(0x7F800001u);
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(nan))));
}

TEST(Quantize, OddInputsGiveAnAnswer) {
  for (const float odd : {INFINITY, -INFINITY, NAN, 1e-44f, 3.4e38f}) {
    std::vector<float> in(32, odd), back(32);
    for (const auto format : {DType::q8_0, DType::q4_0}) {
      std::vector<std::byte> out(*row_bytes(format, 32));
      quantize(format, in, out);
      dequantize(format, out, back);
    }
  }
}

/// As gguf does: the block's scale becomes NaN, so that nobody takes what is left for weights.
TEST(Quantize, NanStaysNanInABlock) {
  for (const std::size_t at : {0, 5, 31}) {
    std::vector<float> in(64, 0.5f), back(64);
    in[at] = NAN;
    in[31] = at == 31 ? NAN : 0.0f;
    for (const auto format : {DType::q8_0, DType::q4_0}) {
      std::vector<std::byte> out(*row_bytes(format, in.size()));
      quantize(format, in, out);
      dequantize(format, out, back);
      const auto is_nan = [](float x) { return std::isnan(x); };
      EXPECT_TRUE(std::all_of(back.begin(), back.begin() + 32, is_nan)) << name(format) << " " << at;
      EXPECT_TRUE(std::none_of(back.begin() + 32, back.end(), is_nan)) << name(format) << " " << at;
    }
  }
}

/// Large enough for several of the parts in which a tensor is converted, and no multiple of one.
TEST(InFormat, IsWhatTheWholeTensorWouldBecome) {
  constexpr std::int64_t kRows = 3, kCols = 65536 + 32;
  auto values = testing::random_values(kRows * kCols, 3, 0.1f);
  const Tensor stored =
      Tensor::make(DType::bf16, {kRows, kCols}, [&](std::span<std::byte> out) { quantize(DType::bf16, values, out); });
  std::vector<float> rounded(values.size());
  dequantize(DType::bf16, stored.bytes(), rounded);
  for (const auto format : load_formats()) {
    std::vector<std::byte> want(*row_bytes(format, values.size()));
    quantize(format, rounded, want);
    for (const int threads : {1, 3, 64})
      EXPECT_TRUE(std::ranges::equal(in_format(stored, format, threads).bytes(), want)) << name(format) << threads;
  }
  for (std::size_t i = 70000; i < values.size(); i += 20000) values[i] = INFINITY;
  for (const int threads : {1, 3, 64})
    test::expect_error<Error>([&] { in_format(test::floats(values, {kRows, kCols}), DType::bfp8, threads); },
                              "element 70000 is inf");
}

TEST(Dequantize, RejectsWrongSizesAndIntegers) {
  std::vector<float> out(32);
  std::vector<std::byte> in(17);
  test::expect_error<Error>([&] { dequantize(DType::q4_0, in, out); }, "32 elements of q4_0 do not take 17 bytes");
  in.resize(32);
  test::expect_error<Error>([&] { dequantize(DType::i8, in, out); }, "does not hold floating-point");
  in.resize(144);
  test::expect_error<Error>([&] { quantize(DType::q4_k, std::vector<float>(256), in); }, "no encoder");
}

TEST(ToF32, KeepsTensorsWithoutDataThatWay) {
  const auto t = to_f32(Tensor::without_data(DType::q4_0, {2, 32}));
  EXPECT_FALSE(t.has_data());
  EXPECT_EQ(t.dtype(), DType::f32);
}

}  // namespace
}  // namespace ttt
