// Products of many tokens on tiles of 16 x 16 outputs and 32 columns, over a level's vector primitives `V` (see
// linear_kernels_impl.h) and the tile primitives of a class `X`:
//   X x;                       configures eight tiles of 16 rows of 64 bytes, and releases them
//   X::zero<N>(), X::load<N>(p, stride in bytes), X::store<N>(p, stride)
//   X::dot<C, A, B>()          C[m][n] += sum over k of A[m][k] * B[k/2][n][k%2], A and B bf16, C f32
// A block of weights is unpacked to bf16 tiles once and meets every token while it stays in the second-level cache.
// Scales are in the tiles: applying them to a sum midway, as integer tiles would need, costs more than the products do.
// Factors of two parts are high + low; the product of two lows is left out.
#include <algorithm>
#include <cstring>

#include "amx_linear.h"
#include "coded_bf16_impl.h"
#include "kernel_scratch.h"
#include "panel_codes_impl.h"

namespace ttt::cpu {
namespace {

constexpr std::size_t kTileBytes = 1024;
constexpr int kStepsAtOnce = 32;  ///< tiles of columns in a block of weights
constexpr int kColsAtOnce = kStepsAtOnce * kTileCols;
static_assert(kColsAtOnce % kBlockCols == 0);

/// Stores columns of 16 rows, f32 [count][16], as tiles [step][part][16 pairs of columns][16 rows][2] bf16 of `Parts`
/// parts, high and low.
template <int Parts>
void store_tiles(const float* w, std::int64_t count, std::byte* tiles) {
  for (std::int64_t k = 0; k < count; k += 2) {
    const V::F even = V::load(w + k * kPanelRows), odd = k + 1 < count ? V::load(w + (k + 1) * kPanelRows) : V::zero();
    std::byte* at = tiles + static_cast<std::size_t>(k / kTileCols) * Parts * kTileBytes +
                    static_cast<std::size_t>(k % kTileCols / 2) * 64;
    if constexpr (Parts == 2)
      V::store_split_pair(at, at + kTileBytes, even, odd);
    else
      V::store_bf16_pair(at, even, odd);
  }
}

/// A block of an integer kind as tiles of one part: a group is a tile. The values are unpack_floats', rounded to bf16.
template <PanelKind K>
void unpack_integer_tiles(const std::byte* block, std::int64_t groups, std::byte* tiles) {
  constexpr IntegerKind kind = integer_kind(K);
  static_assert(kGroup == kTileCols && amx_parts(K).weights == 1);
  const V::F minus_zero = V::set1(static_cast<float>(-kind.zero()));
  for_each_group<K>(block, groups, [&](std::int64_t g, const GroupScales<K>& group, const std::byte* codes) {
    V::F offset[kind.subgroups()];
    for (int s = 0; s < kind.subgroups(); ++s)
      offset[s] = kind.has_offset() ? group.offset[s] : V::mul(group.scale[s], minus_zero);
    std::byte* tile = tiles + static_cast<std::size_t>(g) * kTileBytes;
    unroll<kQuads>([&](auto j) {
      constexpr int kSub = j * kind.subgroups() / kQuads;
      const V::B quad = quad_codes<K, j>(codes);
      unroll<2>([&](auto pair) {
        const auto value = [&](auto column) {
          return V::fma(group.scale[kSub], V::template byte_to_float<column>(quad), offset[kSub]);
        };
        V::store_bf16_pair(tile + (2 * j + pair) * 64, value(std::integral_constant<int, 2 * pair>{}),
                           value(std::integral_constant<int, 2 * pair + 1>{}));
      });
    });
  });
}

/// Columns [first, first + count) of a panel as tiles, zeros in what is left of the last.
template <int Parts>
void unpack_tiles(const PanelLayout& l, const std::byte* panel, std::int64_t first, std::int64_t count,
                  std::byte* tiles) {
  if (is_integer(l.kind)) {
    with_integer_kind(l.kind, [&](auto kind) {
      for (std::int64_t k = 0; k < count; k += kBlockCols) {
        const std::byte* block =
            panel + static_cast<std::size_t>((first + k) / kBlockCols) * integer_kind(kind).block_bytes(kBlockGroups);
        const std::int64_t groups = (std::min<std::int64_t>(kBlockCols, count - k) + kGroup - 1) / kGroup;
        unpack_integer_tiles<kind>(block, groups, tiles + static_cast<std::size_t>(k / kTileCols) * kTileBytes);
      }
    });
    if (const auto half = static_cast<std::size_t>(count % kTileCols); half != 0)
      std::memset(tiles + static_cast<std::size_t>(count / kTileCols) * kTileBytes + half / 2 * 64, 0,
                  kTileBytes - half / 2 * 64);
    return;
  }
  constexpr std::size_t kStepBytes = Parts * kTileBytes;
  if (count % kTileCols != 0)
    std::memset(tiles + static_cast<std::size_t>(count / kTileCols) * kStepBytes, 0, kStepBytes);
  if (l.kind == PanelKind::bf16) {  // [pair of columns][16 rows][2], which is what a tile is
    const auto pairs = static_cast<std::size_t>((count + 1) / 2);
    std::memcpy(tiles, panel + static_cast<std::size_t>(first) * kPanelRows * 2, pairs * 64);
    return;
  }
  if (l.kind == PanelKind::bf16_coded) return unpack_bf16(panel, first, count, tiles);
  alignas(64) float values[kBlockCols * kPanelRows];
  for (std::int64_t k = 0; k < count; k += kBlockCols) {
    const std::int64_t n = std::min<std::int64_t>(kBlockCols, count - k);
    const float* source = values;
    if (l.kind == PanelKind::f32)
      source = reinterpret_cast<const float*>(panel) + (first + k) * kPanelRows;
    else
      for (std::int64_t i = 0; i < n; ++i)
        V::store(values + i * kPanelRows, V::load_f16(panel + f16_column_at(first + k + i)));
    store_tiles<Parts>(source, n, tiles + static_cast<std::size_t>(k / kTileCols) * kStepBytes);
  }
}

/// A block's tiles of two panels or of one, and the steps that they span.
struct BlockTiles {
  const std::byte* panels[2];
  std::int64_t first_step, steps;
};

/// P panels times 16 * T tokens over a block, added to `out` unless it is the first. Tiles 0..3: sums; 4, 5: tokens;
/// 6, 7: panels. Four sums in turn hide the latency of a tile product.
template <class X, AmxParts N, int P, int T>
void tile_products(const BlockTiles& w, const TokenTiles& x, std::int64_t token, float* out, std::int64_t stride) {
  const std::int64_t out_stride = stride * 4;
  const auto for_each_sum = [&](auto f) { unroll<P>([&](auto p) { unroll<T>([&](auto t) { f(p, t); }); }); };
  const auto load_x = [&](const std::uint16_t* part, std::int64_t step) {
    unroll<T>([&](auto t) {
      X::template load<4 + t>(part + x.offset(token + t * kTileTokens, w.first_step + step), kTileCols * 2);
    });
  };
  const auto load_w = [&](std::int64_t tile) {
    unroll<P>([&](auto p) { X::template load<6 + p>(w.panels[p] + static_cast<std::size_t>(tile) * kTileBytes, 64); });
  };
  const auto multiply = [&] { for_each_sum([&](auto p, auto t) { X::template dot<p * 2 + t, 4 + t, 6 + p>(); }); };
  for_each_sum([&](auto p, auto t) {
    if (w.first_step == 0)
      X::template zero<p * 2 + t>();
    else
      X::template load<p * 2 + t>(out + t * kTileTokens * stride + p * kPanelRows, out_stride);
  });
  for (std::int64_t step = 0; step < w.steps; ++step) {
    load_w(step * N.weights);
    if constexpr (N.tokens == 2) {
      load_x(x.low, step);
      multiply();
    }
    load_x(x.high, step);
    multiply();
    if constexpr (N.weights == 2) {
      load_w(step * N.weights + 1);
      multiply();
    }
  }
  for_each_sum([&](auto p, auto t) {
    X::template store<p * 2 + t>(out + t * kTileTokens * stride + p * kPanelRows, out_stride);
  });
}

/// Every token times P panels.
template <class X, AmxParts N, int P>
void panel_products(const BlockTiles& w, const TokenTiles& x, std::int64_t token, std::int64_t tokens, float* out,
                    std::int64_t stride) {
  if (tokens > kTileTokens)
    tile_products<X, N, P, 2>(w, x, token, out, stride);
  else
    tile_products<X, N, P, 1>(w, x, token, out, stride);
}

template <class X, AmxParts N>
void block_products(const PanelRange& w, const TokenTiles& x, std::int64_t token, int tokens, float* out,
                    std::int64_t stride) {
  constexpr std::size_t kPanelTiles = kStepsAtOnce * N.weights * kTileBytes;
  std::byte* tiles = kernel_scratch(static_cast<std::size_t>(w.count) * kPanelTiles);
  const std::int64_t cols = w.layout.cols;
  for (std::int64_t k = 0; k < cols; k += kColsAtOnce) {
    const std::int64_t count = std::min<std::int64_t>(kColsAtOnce, cols - k);
    for (std::size_t p = 0; p < static_cast<std::size_t>(w.count); ++p)
      unpack_tiles<N.weights>(w.layout, w.data + p * w.layout.panel_bytes(), k, count, tiles + p * kPanelTiles);
    for (int t = 0; t < tokens; t += 2 * kTileTokens)
      for (int p = 0; p < w.count; p += 2) {
        const std::byte* panel = tiles + static_cast<std::size_t>(p) * kPanelTiles;
        const BlockTiles block{{panel, panel + kPanelTiles}, k / kTileCols, (count + kTileCols - 1) / kTileCols};
        float* at = out + t * stride + p * kPanelRows;
        if (p + 1 < w.count)
          panel_products<X, N, 2>(block, x, token + t, tokens - t, at, stride);
        else
          panel_products<X, N, 1>(block, x, token + t, tokens - t, at, stride);
      }
  }
}

/// AmxKernels::products.
template <class X>
void amx_products(const PanelRange& w, const TokenTiles& x, std::int64_t token, int tokens, float* out,
                  std::int64_t stride) {
  const X tiles;
  const AmxParts parts = amx_parts(w.layout.kind);
  if (parts.weights == 2)
    block_products<X, AmxParts{2, 2}>(w, x, token, tokens, out, stride);
  else if (parts.tokens == 2)
    block_products<X, AmxParts{1, 2}>(w, x, token, tokens, out, stride);
  else
    block_products<X, AmxParts{1, 1}>(w, x, token, tokens, out, stride);
}

/// AmxKernels::store_row.
inline void store_row(const float* x, const TokenTiles& tiles, std::int64_t token) {
  const std::int64_t row = tiles.offset(token / kTileTokens * kTileTokens, 0) + token % kTileTokens * kTileCols;
  for (std::int64_t k = 0; k < tiles.padded_cols(); k += 16) {
    float values[16] = {};
    const float* source = x + k;
    if (k + 16 > tiles.cols) {
      std::copy_n(x + std::min(k, tiles.cols), std::max<std::int64_t>(0, tiles.cols - k), values);
      source = values;
    }
    const std::int64_t at = row + k / kTileCols * kTileTokens * kTileCols + k % kTileCols;
    if (tiles.low != nullptr)
      V::store_split(tiles.high + at, tiles.low + at, V::load(source));
    else
      V::store_bf16(tiles.high + at, V::load(source));
  }
}

}  // namespace
}  // namespace ttt::cpu
