// Products of many tokens on tiles of 16 x 16 outputs and 32 columns, over a level's vector primitives `V` (see
// linear_kernels_impl.h) and the tile primitives of a class `X`:
//   X x;                       configures eight tiles of 16 rows of 64 bytes, and releases them
//   X::zero<N>(), X::load<N>(p, stride in bytes), X::store<N>(p, stride)
//   X::dot<C, A, B>()          C[m][n] += sum over k of A[m][k] * B[k/2][n][k%2], A and B bf16, C f32
// Weights and activations are split in two bf16 each, high + low, and the product of the two lows is left out: 16 bits
// of mantissa, and no scale to apply to a sum midway, which would cost more than the third product does. Weights
// that bf16 holds exactly need no low.
#include <algorithm>
#include <cstring>

#include "amx_linear.h"
#include "panel_codes_impl.h"

namespace ttt::cpu {
namespace {

constexpr int kStep = 32;  ///< columns of a tile
constexpr std::size_t kTileBytes = 1024;
constexpr int kBlockCols = 2048;  ///< columns of weights that are split at a time: they stay in the second-level cache
constexpr int kTileTokens = 16;

/// Whether bf16 holds every weight: a whole number of up to 7 bits times a power of two.
constexpr bool fits_bf16(PanelKind kind) {
  return kind == PanelKind::bf16 || kind == PanelKind::mxfp4 || kind == PanelKind::bfp8 || kind == PanelKind::bfp4;
}

/// Splits columns k.. of 16 rows, f32 [count][16], into a high and a low tile for each 32 columns; count is padded with
/// zeros.
inline void split_columns(const float* w, std::int64_t count, std::byte* tiles) {
  for (std::int64_t k = 0; k < count; k += 2) {
    const V::F even = V::load(w + k * kPanelRows), odd = k + 1 < count ? V::load(w + (k + 1) * kPanelRows) : V::zero();
    std::byte* at =
        tiles + static_cast<std::size_t>(k / kStep) * 2 * kTileBytes + static_cast<std::size_t>(k % kStep / 2) * 64;
    V::store_split_pair(at, at + kTileBytes, even, odd);
  }
}

/// Columns [first, first + count) of a panel as tiles, [step][high, low][16 pairs of columns][16 rows][2] bf16.
inline void split_panel(const PanelLayout& l, const std::byte* panel, std::int64_t first, std::int64_t count,
                        std::byte* tiles) {
  const std::int64_t steps = (count + kStep - 1) / kStep;
  if (count % kStep != 0) std::memset(tiles + static_cast<std::size_t>(steps - 1) * 2 * kTileBytes, 0, 2 * kTileBytes);
  constexpr int kColumns = kBlockGroups * kGroup;
  if (l.kind == PanelKind::bf16) {
    for (std::int64_t k = 0; k < count; k += kStep) {
      const auto bytes = static_cast<std::size_t>(std::min<std::int64_t>(kStep, count - k) + 1) / 2 * 64;
      std::memcpy(tiles + static_cast<std::size_t>(k / kStep) * 2 * kTileBytes,
                  panel + static_cast<std::size_t>(first + k) * kPanelRows * 2, bytes);
    }
    return;
  }
  alignas(64) float values[kColumns * kPanelRows];
  for (std::int64_t k = 0; k < count; k += kColumns) {
    const std::int64_t n = std::min<std::int64_t>(kColumns, count - k);
    const float* source = values;
    if (l.kind == PanelKind::f32) {
      source = reinterpret_cast<const float*>(panel) + (first + k) * kPanelRows;
    } else if (l.kind == PanelKind::f16) {
      for (std::int64_t i = 0; i < n; ++i)
        V::store(values + i * kPanelRows,
                 V::load_f16(panel + static_cast<std::size_t>((first + k + i) * kPanelRows) * 2));
    } else {
      const std::byte* block =
          panel + static_cast<std::size_t>((first + k) / kColumns) * integer_kind(l.kind).block_bytes(kBlockGroups);
      with_integer_kind(l.kind, [&](auto kind) { unpack_floats<kind>(block, (n + kGroup - 1) / kGroup, values); });
    }
    split_columns(source, n, tiles + static_cast<std::size_t>(k / kStep) * 2 * kTileBytes);
  }
}

/// P panels times 16 * T tokens over `steps` tiles of columns, added to `out` unless `first`. Tiles 0..3: sums; 4, 5:
/// tokens; 6, 7: panels. Four sums in turn hide the latency of a tile product.
template <class X, int P, int T, bool Low>
void tile_products(const std::byte* const (&weights)[P], const SplitRows& x, std::int64_t token, std::int64_t column,
                   std::int64_t steps, bool first, float* out, std::int64_t stride) {
  const std::int64_t x_stride = x.stride * 2, out_stride = stride * 4;
  const auto for_each_sum = [&](auto f) { unroll<P>([&](auto p) { unroll<T>([&](auto t) { f(p, t); }); }); };
  const auto load_x = [&](const std::uint16_t* part, std::int64_t step) {
    unroll<T>([&](auto t) {
      X::template load<4 + t>(part + (token + t * kTileTokens) * x.stride + column + step * kStep, x_stride);
    });
  };
  const auto load_w = [&](std::int64_t tile) {
    unroll<P>([&](auto p) { X::template load<6 + p>(weights[p] + static_cast<std::size_t>(tile) * kTileBytes, 64); });
  };
  const auto multiply = [&] { for_each_sum([&](auto p, auto t) { X::template dot<p * 2 + t, 4 + t, 6 + p>(); }); };
  for_each_sum([&](auto p, auto t) {
    if (first)
      X::template zero<p * 2 + t>();
    else
      X::template load<p * 2 + t>(out + t * kTileTokens * stride + p * kPanelRows, out_stride);
  });
  for (std::int64_t step = 0; step < steps; ++step) {
    load_w(2 * step);
    load_x(x.high, step);
    multiply();
    load_x(x.low, step);
    multiply();
    if constexpr (Low) {
      load_w(2 * step + 1);
      load_x(x.high, step);
      multiply();
    }
  }
  for_each_sum([&](auto p, auto t) {
    X::template store<p * 2 + t>(out + t * kTileTokens * stride + p * kPanelRows, out_stride);
  });
}

template <class X, int P, bool Low>
void panel_products(const PanelRange& w, const SplitRows& x, std::int64_t token, int tokens, float* out,
                    std::int64_t stride) {
  const std::int64_t cols = w.layout.cols;
  const std::size_t panel_tiles = kBlockCols / kStep * 2 * kTileBytes;
  std::byte* tiles = panel_scratch(P * panel_tiles);
  for (std::int64_t k = 0; k < cols; k += kBlockCols) {
    const std::int64_t count = std::min<std::int64_t>(kBlockCols, cols - k), steps = (count + kStep - 1) / kStep;
    const std::byte* weights[P];
    for (int p = 0; p < P; ++p) {
      std::byte* panel = tiles + static_cast<std::size_t>(p) * panel_tiles;
      split_panel(w.layout, w.data + static_cast<std::size_t>(p) * w.layout.panel_bytes(), k, count, panel);
      weights[p] = panel;
    }
    int t = 0;
    for (; t + kTileTokens < tokens; t += 2 * kTileTokens)
      tile_products<X, P, 2, Low>(weights, x, token + t, k, steps, k == 0, out + t * stride, stride);
    if (t < tokens) tile_products<X, P, 1, Low>(weights, x, token + t, k, steps, k == 0, out + t * stride, stride);
  }
}

/// AmxKernels::products.
template <class X>
void amx_products(const PanelRange& w, const SplitRows& x, std::int64_t token, int tokens, float* out,
                  std::int64_t stride) {
  const X tiles;
  const bool low = !fits_bf16(w.layout.kind);
  for (int p = 0; p < w.count; p += 2, out += 2 * kPanelRows) {
    const PanelRange panels{w.layout, w.data + static_cast<std::size_t>(p) * w.layout.panel_bytes(),
                            std::min(2, w.count - p)};
    if (panels.count == 2)
      low ? panel_products<X, 2, true>(panels, x, token, tokens, out, stride)
          : panel_products<X, 2, false>(panels, x, token, tokens, out, stride);
    else
      low ? panel_products<X, 1, true>(panels, x, token, tokens, out, stride)
          : panel_products<X, 1, false>(panels, x, token, tokens, out, stride);
  }
}

/// AmxKernels::split_row.
inline void split_row(const float* x, std::int64_t cols, std::int64_t padded, std::uint16_t* high, std::uint16_t* low) {
  for (std::int64_t k = 0; k < padded; k += 16) {
    float values[16] = {};
    const float* source = x + k;
    if (k + 16 > cols) {
      std::copy_n(x + std::min(k, cols), std::max<std::int64_t>(0, cols - k), values);
      source = values;
    }
    V::store_split(high + k, low + k, V::load(source));
  }
}

}  // namespace
}  // namespace ttt::cpu
