#pragma once
#include <cstdint>

#include "isa.h"
#include "packed_matrix.h"
#include "ttt/ops/activation.h"

namespace ttt::cpu {

/// Activations in 15 bits for the integer kinds: per row and group of 32 columns a scale max|x| / (127 * 128), the codes as
/// 128 * high + low with both in 8 bits, and the sum of the codes. Eight bits alone would flip near ties in small models.
struct QuantizedRows {
  const std::int8_t* codes;    ///< [tokens][groups][high 32, low 32]
  const float* scales;         ///< [tokens][groups]
  const std::int32_t* sums;    ///< [tokens][groups]
  std::int64_t groups;
};

/// The primitives of one instruction-set level that Linear and GatedLinear are made of.
struct LinearKernels {
  /// Most panels and tokens of one call to `products`.
  int max_panels, max_tokens;

  /// One row into QuantizedRows form.
  void (*quantize_row)(const float* x, std::int64_t cols, std::int8_t* codes, float* scales, std::int32_t* sums);

  /// out[t * stride + 16 * p + lane] = W[panel p, lane] . x[t] for `panels` panels and `tokens` tokens, in f32 products. `x` rows are
  /// `x_stride` apart.
  void (*float_products)(const CpuPackedMatrix& w, std::int64_t first_panel, int panels, const float* x, std::int64_t x_stride,
                         int tokens, float* out, std::int64_t stride);
  /// The same with integer products over quantised rows, from token `first_token` on. Integer kinds only.
  void (*integer_products)(const CpuPackedMatrix& w, std::int64_t first_panel, int panels, const QuantizedRows& x,
                           std::int64_t first_token, int tokens, float* out, std::int64_t stride);
  /// v[i] = activation(v[i]).
  void (*activate)(Activation activation, float* v, std::int64_t count);
};

/// The widest level that `isa` allows.
const LinearKernels& linear_kernels(const Isa& isa);

const LinearKernels& generic_linear_kernels();
const LinearKernels& avx2_linear_kernels();
const LinearKernels& avx512_linear_kernels();  ///< needs VNNI

}  // namespace ttt::cpu
