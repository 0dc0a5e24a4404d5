#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "support.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/quantize.h"
#include "ttt/formats/safetensors.h"
#include "ttt/testing/memory_weights.h"

namespace ttt {
namespace {

struct BlockFloat {
  DType format;
  int bits;  ///< of a magnitude

  int largest() const { return (1 << bits) - 1; }
  std::size_t block_bytes() const { return info(format).block_bytes; }
  float value(int exponent, int magnitude) const {
    return std::ldexp(static_cast<float>(magnitude), exponent - 126 - bits);
  }
  std::vector<std::byte> encode(const std::vector<float>& in) const {
    std::vector<std::byte> out(*row_bytes(format, in.size()));
    quantize(format, in, out);
    return out;
  }
  std::vector<float> decode(const std::vector<std::byte>& in) const {
    std::vector<float> out(in.size() / block_bytes() * 16);
    dequantize(format, in, out);
    return out;
  }
};

class BlockFloats : public ::testing::TestWithParam<BlockFloat> {};

std::vector<std::byte> to_bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int v : values) bytes.push_back(static_cast<std::byte>(v));
  return bytes;
}

TEST_P(BlockFloats, AreThoseOfTheReference) {
  const auto file = open_safetensors(TTT_FORMATS_DATA "/block_floats.safetensors");
  const std::string name(ttt::name(GetParam().format));
  const auto input = test::to_vector(file->load(name + ".input")),
             expected = test::to_vector(file->load(name + ".expected"));
  const auto encoded = file->load(name + ".encoded");
  const auto got = GetParam().encode(input);
  ASSERT_EQ(got.size(), encoded.bytes().size());
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_EQ(got[i], encoded.bytes()[i])
        << "byte " << i % GetParam().block_bytes() << " of block " << i / GetParam().block_bytes();
  const auto decoded = GetParam().decode(got);
  for (std::size_t i = 0; i < decoded.size(); ++i)
    ASSERT_EQ(std::bit_cast<std::uint32_t>(decoded[i]), std::bit_cast<std::uint32_t>(expected[i])) << "element " << i;
}

TEST(BlockFloatLayout, ExponentThenSignsAndMagnitudes) {
  std::vector<float> x(16, 0.0f);
  x[0] = 1.0f, x[1] = -0.5f, x[2] = 0.25f, x[15] = -1.75f;
  const BlockFloat bfp8{DType::bfp8, 7}, bfp4{DType::bfp4, 3};
  EXPECT_EQ(bfp8.encode(x), to_bytes({127, 0x40, 0xA0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xF0}));
  EXPECT_EQ(bfp4.encode(x), to_bytes({127, 0xA4, 0x01, 0, 0, 0, 0, 0, 0xF0}));
}

/// Every code under exponents from the smallest that makes no subnormal on.
TEST_P(BlockFloats, EveryCodeSurvivesARoundTrip) {
  const auto& format = GetParam();
  for (int exponent = 8; exponent < 255; ++exponent)
    for (int magnitude = 0; magnitude <= format.largest(); ++magnitude) {
      // The largest magnitude brings the exponent back.
      std::vector<float> x(16, format.value(exponent, format.largest()));
      x[5] = format.value(exponent, magnitude), x[6] = -x[5];
      const auto encoded = format.encode(x);
      ASSERT_EQ(static_cast<int>(encoded[0]), exponent);
      ASSERT_EQ(format.decode(encoded), x) << exponent << " " << magnitude;
    }
}

TEST_P(BlockFloats, EncodingWhatWasDecodedChangesNothing) {
  const auto& format = GetParam();
  const auto once = format.encode(testing::random_values(4096, 1, 0.1f));
  EXPECT_EQ(format.encode(format.decode(once)), once);
}

/// Half a unit, a lost bit more for a tie that was none, and up to a unit where the largest magnitude is reached.
TEST_P(BlockFloats, AreAsNearAsTheyCanBe) {
  const auto& format = GetParam();
  const auto x = testing::random_values(1 << 16, 2, 1.0f);
  const auto encoded = format.encode(x);
  const auto y = format.decode(encoded);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(i / 16 * 16);
    const float most = std::ranges::max(std::span(first, 16), {}, [](float v) { return std::fabs(v); });
    const int exponent = static_cast<int>(encoded[i / 16 * format.block_bytes()]);
    ASSERT_EQ(exponent, std::ilogb(most) + 127);
    const float unit = format.value(exponent, 1);
    const bool is_largest = std::fabs(y[i]) == format.value(exponent, format.largest());
    ASSERT_LE(std::fabs(x[i] - y[i]), is_largest ? unit : 0.50001f * unit) << x[i] << " became " << y[i];
  }
}

TEST_P(BlockFloats, TakeNoInfinityNoNanAndWholeBlocksOnly) {
  const auto& format = GetParam();
  for (const float odd : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> x(32, 1.0f);
    x[17] = odd;
    test::expect_error<Error>([&] { format.encode(x); }, "holds neither infinity nor NaN, but element 17 is ");
  }
  std::vector<std::byte> out(format.block_bytes());
  test::expect_error<Error>([&] { quantize(format.format, std::vector<float>(15), out); }, "15 elements of bfp");
  std::vector<float> back(32);
  test::expect_error<Error>([&] { dequantize(format.format, out, back); }, "32 elements of bfp");
  test::expect_error<Error>([&] { in_format(test::floats(std::vector<float>(48), {2, 24}), format.format); },
                            "[2, 24] does not fill whole bfp");
  test::expect_error<Error>([&] { in_format(Tensor::without_data(DType::f32, {2, 24}), format.format); },
                            "[2, 24] does not fill whole bfp");
}

INSTANTIATE_TEST_SUITE_P(All, BlockFloats, ::testing::Values(BlockFloat{DType::bfp8, 7}, BlockFloat{DType::bfp4, 3}),
                         [](const auto& info) { return std::string(name(info.param.format)); });

}  // namespace
}  // namespace ttt
