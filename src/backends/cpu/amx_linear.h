#pragma once
#include <cstdint>

#include "linear_kernels.h"

namespace ttt::cpu {

/// Activations as a sum of two bf16, each [tokens][stride]: columns padded with zeros to a multiple of 32, tokens to
/// one of 16.
struct SplitRows {
  const std::uint16_t* high;
  const std::uint16_t* low;
  std::int64_t stride;
};

/// Linear layers on AMX tiles, for many tokens at once. Their sums differ in the last bits from those of LinearKernels.
struct AmxKernels {
  /// Splits a row, zeros from `cols` to `padded`, a multiple of 32.
  void (*split_row)(const float* x, std::int64_t cols, std::int64_t padded, std::uint16_t* high, std::uint16_t* low);
  /// out[t * stride + 16 * p + lane] = W[panel p, lane] . x[token + t], for any kind. Writes tokens up to the next
  /// multiple of 16.
  void (*products)(const PanelRange& w, const SplitRows& x, std::int64_t token, int tokens, float* out,
                   std::int64_t stride);
};

const AmxKernels& amx_kernels();  ///< needs AMX with bf16

}  // namespace ttt::cpu
