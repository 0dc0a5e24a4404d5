#include "ttt/testing/random_weight.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/quantize.h"
#include "ttt/testing/memory_weights.h"

namespace ttt::inline v2::testing {
namespace {

/// Where a block format keeps its scales in f16, and how large they are for values of the order of 0.1.
struct ScaleFields {
  std::vector<std::size_t> at;
  float size;
};

ScaleFields scale_fields(DType dtype) {
  switch (dtype) {
    case DType::q4_0:
      return {{0}, 0.02f};
    case DType::q4_1:
      return {{0, 2}, 0.02f};
    case DType::q5_0:
      return {{0}, 0.01f};
    case DType::q5_1:
      return {{0, 2}, 0.01f};
    case DType::q8_0:
      return {{0}, 0.001f};
    case DType::q2_k:
      return {{80, 82}, 0.005f};
    case DType::q3_k:
      return {{108}, 0.002f};
    case DType::q4_k:
      return {{0, 2}, 0.0003f};
    case DType::q5_k:
      return {{0, 2}, 0.0002f};
    case DType::q6_k:
      return {{208}, 0.00005f};
    case DType::iq4_nl:
      return {{0}, 0.001f};
    case DType::mxfp4:
    case DType::bfp8:
    case DType::bfp4:
      return {{}, 0.0f};
    default:
      throw Error("random_weight", "not a block format");
  }
}

}  // namespace

Tensor random_weight(DType dtype, std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  if (!is_block_quantized(dtype)) {
    const auto values = random_values(static_cast<std::size_t>(rows * cols), seed, 0.1f);
    return Tensor::make(dtype, {rows, cols}, [&](std::span<std::byte> out) { quantize(dtype, values, out); });
  }
  const auto fields = scale_fields(dtype);
  return Tensor::make(dtype, {rows, cols}, [&](std::span<std::byte> out) {
    std::mt19937_64 bits(seed);
    for (auto& byte : out) byte = static_cast<std::byte>(bits() & 255u);
    const std::size_t block = info(dtype).block_bytes;
    for (std::size_t b = 0; b < out.size(); b += block) {
      for (const auto at : fields.at) {
        const float sign = bits() & 1u ? 1.0f : -1.0f;
        const std::uint16_t scale =
            f32_to_f16(sign * fields.size * (0.5f + static_cast<float>(bits() & 1023u) / 1024.0f));
        std::memcpy(out.data() + b + at, &scale, sizeof scale);
      }
      // An exponent: values up to 12 * 2^(e - 128), or below 2^(e - 126).
      if (dtype == DType::mxfp4) out[b] = static_cast<std::byte>(121 + (bits() & 3u));
      if (dtype == DType::bfp8 || dtype == DType::bfp4) out[b] = static_cast<std::byte>(120 + (bits() & 3u));
    }
  });
}

}  // namespace ttt::inline v2::testing
