#pragma once
#include <cstddef>
#include <span>

#include "ttt/core/dtype.h"
#include "ttt/core/tensor.h"

namespace ttt::inline v2 {

/// Formats that weights can be given when they are loaded: bfp8, bfp4, bf16, q8_0, q4_0.
std::span<const DType> load_formats();

/// Encodes f32 to f32, f16, bf16, q8_0, q4_0 as the PyPI package `gguf` does (round to nearest even for plain types),
/// to bfp8 and bfp4 as tt-metal does (block_float.h). `in` must be whole blocks and `out` as long as they are. Throws
/// ttt::Error otherwise, for a format without an encoder, and for infinity or NaN in a block float.
void quantize(DType dtype, std::span<const float> in, std::span<std::byte> out);

/// A tensor of floating-point or block format re-encoded, on so many threads; without data when it has none. Throws as
/// `quantize` does, and when the rows are not whole blocks.
Tensor in_format(const Tensor& tensor, DType format, int threads = 1);

}  // namespace ttt::inline v2
