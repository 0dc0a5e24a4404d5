#pragma once
#include <cstdint>

#include "linear_kernels.h"

namespace ttt::cpu {

constexpr int kTileTokens = 16;  ///< tokens of a tile
constexpr int kTileCols = 32;    ///< columns of a tile

/// Activations in bf16 as tiles of 16 tokens and 32 columns, [token / 16][column / 32][16][32], zeros beyond the last
/// column. Two parts are `high` and what it lacks, `low`.
struct TokenTiles {
  std::uint16_t* high;
  std::uint16_t* low;  ///< null: none
  std::int64_t cols;

  std::int64_t steps() const { return (cols + kTileCols - 1) / kTileCols; }
  std::int64_t padded_cols() const { return steps() * kTileCols; }
  /// Of the tile that holds a token, which is a multiple of 16.
  std::int64_t offset(std::int64_t token, std::int64_t step) const {
    return token * padded_cols() + step * kTileTokens * kTileCols;
  }
};

/// How many bf16 a factor is the sum of: one has 8 bits of mantissa, two have 16.
struct AmxParts {
  int weights, tokens;
};

/// What a block format has lost is more than bf16 loses; floats keep what they have. A weight of up to 8 bits times a
/// power of two is one bf16.
constexpr AmxParts amx_parts(PanelKind kind) {
  switch (kind) {
    case PanelKind::f32:
    case PanelKind::f16:
      return {2, 2};
    case PanelKind::bf16:
    case PanelKind::bf16_coded:
    case PanelKind::mxfp4:
    case PanelKind::bfp8:
    case PanelKind::bfp4:
      return {1, 2};
    default:
      return {1, 1};
  }
}

/// Linear layers on AMX tiles, for many tokens at once. Their sums differ from those of LinearKernels: products of
/// bf16, added in f32.
struct AmxKernels {
  /// Stores a token's activations.
  void (*store_row)(const float* x, const TokenTiles& tiles, std::int64_t token);
  /// out[t * stride + 16 * p + lane] = W[panel p, lane] . x[token + t], for any kind; `token` is a multiple of 16.
  /// Writes tokens up to the next multiple of 16.
  void (*products)(const PanelRange& w, const TokenTiles& x, std::int64_t token, int tokens, float* out,
                   std::int64_t stride);
};

const AmxKernels& amx_kernels();  ///< needs AMX and AVX-512, both with bf16

}  // namespace ttt::cpu
