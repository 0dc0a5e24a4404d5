#include "ttt/formats/dequantize.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "ttt/core/error.h"
#include "ttt/formats/block_float.h"

namespace ttt::inline v2 {
namespace {

using Bytes = const std::uint8_t*;

template <class T>
T read(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
float half_at(Bytes p) { return f16_to_f32(read<std::uint16_t>(p)); }

// Each decoder turns one block at `b` into floats at `y`. The order of operations is that of the PyPI package
// `gguf`: products of scales first, then times the integer, then minus or plus the minimum, each rounded.

int nibble(Bytes qs, int i) { return i < 16 ? qs[i] & 15 : qs[i - 16] >> 4; }
int fifth_bit(Bytes qh, int i) { return static_cast<int>(read<std::uint32_t>(qh) >> i & 1) << 4; }

void decode_q4_0(Bytes b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(nibble(b + 2, i) - 8);
}
void decode_q4_1(Bytes b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(nibble(b + 4, i)) + m;
}
void decode_q5_0(Bytes b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>((nibble(b + 6, i) | fifth_bit(b + 2, i)) - 16);
}
void decode_q5_1(Bytes b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(nibble(b + 8, i) | fifth_bit(b + 4, i)) + m;
}
void decode_q8_0(Bytes b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(static_cast<std::int8_t>(b[2 + i]));
}

void decode_q2_k(Bytes b, float* y) {
  const Bytes scales = b, qs = b + 16;
  const float d = half_at(b + 80), dmin = half_at(b + 82);
  for (int i = 0; i < 256; ++i) {
    const int s = scales[i / 16];
    const int q = qs[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;
    y[i] = d * static_cast<float>(s & 15) * static_cast<float>(q) - dmin * static_cast<float>(s >> 4);
  }
}

int q3_scale(Bytes scales, int i) {
  const int low = scales[i % 8] >> (i / 8 * 4) & 15;
  const int high = scales[8 + i % 4] >> (i / 4 * 2) & 3;
  return (low | high << 4) - 32;
}
void decode_q3_k(Bytes b, float* y) {
  const Bytes hmask = b, qs = b + 32, scales = b + 96;
  const float d = half_at(b + 108);
  for (int i = 0; i < 256; ++i) {
    const int low = qs[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;
    const int high = hmask[i % 32] >> (i / 32) & 1;  // the offset of 4 applies where the bit is clear
    y[i] = d * static_cast<float>(q3_scale(scales, i / 16)) * static_cast<float>(low - (high ? 0 : 4));
  }
}

struct ScaleMin {
  int scale, min;
};
/// The j-th of eight pairs of 6-bit numbers packed in 12 bytes (q4_k, q5_k).
ScaleMin k_scale_min(Bytes s, int j) {
  if (j < 4) return {s[j] & 63, s[j + 4] & 63};
  return {(s[j + 4] & 15) | (s[j - 4] >> 2 & 0x30), (s[j + 4] >> 4) | (s[j] >> 2 & 0x30)};
}
int k_nibble(Bytes qs, int i) { return qs[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15; }

void decode_q4_k(Bytes b, float* y) {
  const float d = half_at(b), dmin = half_at(b + 2);
  for (int i = 0; i < 256; ++i) {
    const auto s = k_scale_min(b + 4, i / 32);
    y[i] = d * static_cast<float>(s.scale) * static_cast<float>(k_nibble(b + 16, i)) - dmin * static_cast<float>(s.min);
  }
}
void decode_q5_k(Bytes b, float* y) {
  const float d = half_at(b), dmin = half_at(b + 2);
  const Bytes qh = b + 16, qs = b + 48;
  for (int i = 0; i < 256; ++i) {
    const auto s = k_scale_min(b + 4, i / 32);
    const int q = k_nibble(qs, i) | (qh[i % 32] >> (i / 32) & 1) << 4;
    y[i] = d * static_cast<float>(s.scale) * static_cast<float>(q) - dmin * static_cast<float>(s.min);
  }
}
void decode_q6_k(Bytes b, float* y) {
  const Bytes ql = b, qh = b + 128, scales = b + 192;
  const float d = half_at(b + 208);
  for (int i = 0; i < 256; ++i) {
    const int low = ql[i / 128 * 64 + i % 64] >> (i / 64 % 2 * 4) & 15;
    const int high = qh[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;
    y[i] =
        d * static_cast<float>(static_cast<std::int8_t>(scales[i / 16])) * static_cast<float>((low | high << 4) - 32);
  }
}

void decode_iq4_nl(Bytes b, float* y) {
  static constexpr int kValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  const float d = half_at(b);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(kValues[nibble(b + 2, i)]);
}
void decode_mxfp4(Bytes b, float* y) {
  // Twice the e2m1 values, against half of the e8m0 scale; the two smallest scales are subnormal.
  static constexpr int kValues[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
  const std::uint32_t e = b[0];
  const float d = std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(kValues[nibble(b + 1, i)]);
}

using Decoder = void (*)(Bytes, float*);

template <Decoder decode>
void decode_all(Bytes in, const DTypeInfo& format, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); i += format.block_size, in += format.block_bytes) decode(in, out.data() + i);
}

template <class T, class ToF32>
void convert_all(Bytes in, std::span<float> out, ToF32 to_f32) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = to_f32(read<T>(in + i * sizeof(T)));
}

}  // namespace

void dequantize(DType dtype, std::span<const std::byte> in, std::span<float> out) {
  if (row_bytes(dtype, out.size()) != std::optional<std::uint64_t>(in.size()))
    throw Error("dequantize",
                fmt::format("{} elements of {} do not take {} bytes", out.size(), name(dtype), in.size()));
  const auto* bytes = reinterpret_cast<Bytes>(in.data());
  const auto& format = info(dtype);
  switch (dtype) {
    case DType::f32:
      if (!out.empty()) std::memcpy(out.data(), bytes, in.size());
      return;
    case DType::f16:
      return convert_all<std::uint16_t>(bytes, out, [](std::uint16_t bits) { return f16_to_f32(bits); });
    case DType::bf16:
      return convert_all<std::uint16_t>(bytes, out, [](std::uint16_t bits) { return bf16_to_f32(bits); });
    case DType::f64:
      return convert_all<double>(bytes, out, [](double value) { return static_cast<float>(value); });
    case DType::q4_0:
      return decode_all<decode_q4_0>(bytes, format, out);
    case DType::q4_1:
      return decode_all<decode_q4_1>(bytes, format, out);
    case DType::q5_0:
      return decode_all<decode_q5_0>(bytes, format, out);
    case DType::q5_1:
      return decode_all<decode_q5_1>(bytes, format, out);
    case DType::q8_0:
      return decode_all<decode_q8_0>(bytes, format, out);
    case DType::q2_k:
      return decode_all<decode_q2_k>(bytes, format, out);
    case DType::q3_k:
      return decode_all<decode_q3_k>(bytes, format, out);
    case DType::q4_k:
      return decode_all<decode_q4_k>(bytes, format, out);
    case DType::q5_k:
      return decode_all<decode_q5_k>(bytes, format, out);
    case DType::q6_k:
      return decode_all<decode_q6_k>(bytes, format, out);
    case DType::iq4_nl:
      return decode_all<decode_iq4_nl>(bytes, format, out);
    case DType::mxfp4:
      return decode_all<decode_mxfp4>(bytes, format, out);
    case DType::bfp8:
      return decode_all<decode_bfp8>(bytes, format, out);
    case DType::bfp4:
      return decode_all<decode_bfp4>(bytes, format, out);
    default:
      throw Error("dequantize", fmt::format("{} does not hold floating-point numbers", name(dtype)));
  }
}

Tensor to_f32(const Tensor& tensor) {
  if (!tensor.has_data()) return Tensor::without_data(DType::f32, tensor.shape());
  return Tensor::make(DType::f32, tensor.shape(), [&](std::span<std::byte> out) {
    dequantize(tensor.dtype(), tensor.bytes(), {reinterpret_cast<float*>(out.data()), out.size() / sizeof(float)});
  });
}

std::uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<std::uint16_t>(sign | 0x7E00u | (magnitude >> 13 & 0x3FFu));
  if (magnitude >= 0x477FF000u) return static_cast<std::uint16_t>(sign | 0x7C00u);  // rounds to infinity
  if (magnitude < 0x38800000u) {
    // Subnormal result: adding 0.5 leaves a unit in the last place of 2^-24, so the addition does the rounding.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000u));
  }
  const std::uint32_t rounded = magnitude + 0xFFFu + (magnitude >> 13 & 1u);
  return static_cast<std::uint16_t>(sign | (rounded - 0x38000000u) >> 13);
}

}  // namespace ttt::inline v2
