#pragma once
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

float f16_to_f32(std::uint16_t bits);    ///< exact
std::uint16_t f32_to_f16(float value);   ///< round to nearest even
float bf16_to_f32(std::uint16_t bits);   ///< exact
std::uint16_t f32_to_bf16(float value);  ///< round to nearest even; NaN stays NaN

}  // namespace ttt::inline v2
