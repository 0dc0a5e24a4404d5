#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ttt/core/dtype.h"
#include "ttt/core/tensor.h"

namespace ttt::inline v2 {

/// Decodes `out.size()` elements of `dtype` (f32, f16, bf16, f64 or any block format) from `in`, bit-exactly
/// as the PyPI package `gguf` does, block floats as block_float.h says. `in` may be unaligned. `out.size()` must be
/// whole blocks and `in` as long as they are; throws ttt::Error otherwise, and for integer dtypes.
void dequantize(DType dtype, std::span<const std::byte> in, std::span<float> out);

/// The tensor's elements in f32.
Tensor to_f32(const Tensor& tensor);

/// Exact.
inline float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, magnitude = (bits & 0x7FFFu) << 13;
  // f32's exponents are 112 more. A subnormal number gets a one before its point, which is then subtracted: without
  // subnormal operands, which some programs have the processor take for zeros.
  const std::uint32_t normal = magnitude + 0x38000000u,
                      small = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude + 0x38800000u) - 0x1p-14f);
  const std::uint32_t infinite = magnitude < 0x0F800000u ? 0 : 0x7F800000u;
  return std::bit_cast<float>(sign | (magnitude < 0x00800000u ? small : normal) | infinite);
}

std::uint16_t f32_to_f16(float value);  ///< round to nearest even

/// Exact.
inline float bf16_to_f32(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
/// Rounds to nearest even; NaN stays NaN.
inline std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  return static_cast<std::uint16_t>((is_nan ? bits | 0x400000u : bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

}  // namespace ttt::inline v2
