#pragma once
#include <cstdint>

#include "linear_kernels.h"

namespace ttt::cpu {

/// Activations in bf16, [token][part][column], zeros from the last column up to the next multiple of 16. Of two parts
/// the second is what the first lacks: they have 16 bits of mantissa.
struct Bf16Rows {
  std::uint16_t* values;
  std::int64_t stride;
  int parts;

  std::uint16_t* row(std::int64_t token) const { return values + token * parts * stride; }
  /// An odd number of a cache's lines: rows that lie a power of two apart would share a few places of the first cache.
  static constexpr std::int64_t stride_for(std::int64_t cols) { return (cols + 31) / 32 / 2 * 64 + 32; }
};

/// Linear layers whose weights and activations are bf16, on the processor's dot product of two: twice the
/// multiply-additions of f32 where it is as fast (Zen 4). Products are added in f32, in the order of the columns, so
/// that the bits of an output do not depend on the number of tokens, but on that of parts.
struct Bf16Kernels {
  static constexpr int kMostTokensOfTwoParts = 3;

  /// Stores a token's activations: rounded to bf16, or as a sum of two.
  void (*store_row)(const float* x, std::int64_t cols, const Bf16Rows& rows, std::int64_t token);
  /// out[t * stride + 16 * p + lane] = W[panel p, lane] . x[token + t], for both kinds of bf16. Writes a row of `out`
  /// for each part.
  void (*products)(const PanelRange& w, const Bf16Rows& x, std::int64_t token, int tokens, float* out,
                   std::int64_t stride);
};

const Bf16Kernels& bf16_kernels();  ///< needs AVX-512 with BF16

}  // namespace ttt::cpu
