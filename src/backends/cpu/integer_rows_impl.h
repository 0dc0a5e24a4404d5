#pragma once
// Products of a panel's codes straight from memory, for one token or a few, over a level's primitives `V`. See
// linear_kernels_impl.h. Codes are unpacked into registers and met there by all tokens of the tile.
#include <array>

#include "code_products_impl.h"
#include "linear_kernels.h"
#include "panel_codes_impl.h"
#include "quantize_rows_impl.h"

namespace ttt::cpu {
namespace {

using F = V::F;

/// acc[t] = N quads of codes, less the zero, times a tile's cells. Activations of fifteen bits, which come one token at
/// a time here, are 128 times their high parts plus their low ones.
template <PanelKind K, ActivationBits Bits, int N, int T, class Quad>
inline __attribute__((always_inline)) void cell_dots(V::I (&acc)[T], Quad quad, const std::int8_t* bytes,
                                                     const std::int32_t* minus_sums) {
  constexpr IntegerKind kind = integer_kind(K);
  if constexpr (Bits == ActivationBits::eight) {
    dots_less_zero<kind.max_code(), kind.zero_log2, N>(acc, quad, TileBytes<T>{bytes}, minus_sums);
  } else {
    static_assert(T == 1);
    V::I parts[2] = {V::set1_int(0), V::set1_int(0)};
    add_dots<kind.max_code(), V::kMostHigh, N, V>(parts, quad, [bytes](int j, int part) __attribute__((always_inline)) {
      return bytes + (part * kQuads + j) * 4;
    });
    const V::I dots = V::add_int(V::template shift_left<7>(parts[0]), parts[1]);
    acc[0] = V::add_int(dots, minus_zeros<kind.zero_log2>(minus_sums[0]));
  }
}

/// Inlined always, as all callers are: a function that only prefetches has no effect that g++ knows, and it drops calls
/// to such.
inline __attribute__((always_inline)) void prefetch(const std::byte* p, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(p + at);
}

/// The headers of blocks that lie `bytes_apart` behind each other.
template <PanelKind K, int... P>
inline __attribute__((always_inline)) std::array<BlockHeader<K>, sizeof...(P)> block_headers(
    const std::byte* block, std::size_t bytes_apart, std::integer_sequence<int, P...>) {
  return {BlockHeader<K>(block + P * bytes_apart)...};
}

/// A panel's sums of a tile of tokens whose groups have scales of their own, as integer_row and integer_rows want them.
/// Of fifteen bits, a tile is one token.
template <PanelKind K, ActivationBits Bits, int T>
class GroupSums {
 public:
  /// The tile's cells of a group.
  struct Cells {
    const std::int8_t* codes;
    const float* scales;             ///< [T]
    const std::int32_t* minus_sums;  ///< [QuantizedRows::kSums][T]
    const float* scaled_sums;        ///< likewise

    Cells(const QuantizedRows& x, std::int64_t group)
        : codes(x.codes + group * T * QuantizedRows::group_bytes(Bits)),
          scales(x.scales + group * T),
          minus_sums(x.minus_sums + group * QuantizedRows::kSums * T),
          scaled_sums(x.scaled_sums + group * QuantizedRows::kSums * T) {}
  };
  static constexpr bool kHasOutliers = Bits == ActivationBits::eight;

  GroupSums() {
    unroll<T>([&](auto t) __attribute__((always_inline)) { sum[t] = V::zero(); });
  }
  /// Adds a group's codes, quad(j) for four columns each.
  template <class Quad>
  inline __attribute__((always_inline)) void add(Quad quad, const BlockHeader<K>& header, int g, const Cells& cells) {
    constexpr IntegerKind kind = integer_kind(K);
    constexpr int kSubs = kind.subgroups(), kSubQuads = kQuads / kSubs;
    const GroupScales<K> scales(header, g);
    unroll<kSubs>([&](auto s) __attribute__((always_inline)) {
      constexpr int kFirst = s * kSubQuads, kSums = (kSubs == 1 ? 2 : s) * T;
      V::I acc[T];
      cell_dots<K, Bits, kSubQuads>(
          acc, [&](auto j) __attribute__((always_inline)) { return quad(std::integral_constant<int, kFirst + j>{}); },
          cells.codes + kFirst * T * 4, cells.minus_sums + kSums);
      unroll<T>([&](auto t) __attribute__((always_inline)) {
        sum[t] = V::fma(V::to_float(acc[t]), V::mul(scales.scale[s], V::set1(cells.scales[t])), sum[t]);
        if constexpr (kind.has_offset())
          sum[t] = V::fma(scales.offset[s], V::set1(cells.scaled_sums[kSums + t]), sum[t]);
      });
    });
  }
  inline __attribute__((always_inline)) void end_block(const BlockHeader<K>&, const QuantizedRows&, std::int64_t) {}

  F sum[T];
};

/// P panels, each `bytes_apart` behind the one before it, for one token, straight from their codes, into `Sums`; their
/// results are `floats_apart`. Groups and outliers in the order of block_products. Before a header or a group is read,
/// what lies `ahead` bytes behind it is asked for, of all panels, or itself where that is 0: each panel's memory in
/// order.
template <PanelKind K, class Sums, int P>
void integer_row(const std::byte* panels, std::size_t bytes_apart, std::size_t ahead, const QuantizedRows& x,
                 float* out, std::int64_t floats_apart) {
  constexpr IntegerKind kind = integer_kind(K);
  Sums sums[P];
  for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
    for (int p = 0; p < P; ++p) prefetch(panels + p * bytes_apart + at + ahead, kind.header_bytes(groups));
    const auto headers = block_headers<K>(panels + at, bytes_apart, std::make_integer_sequence<int, P>{});
    const std::byte* codes = panels + at + kind.header_bytes(groups);
    const auto group_codes = [&](int p, int g) __attribute__((always_inline)) {
      return codes + p * bytes_apart + static_cast<std::size_t>(g) * kind.code_bytes();
    };
    for (int g = 0; g < groups; ++g) {
      const typename Sums::Cells cells(x, first + g);
      for (int p = 0; p < P; ++p) prefetch(group_codes(p, g) + ahead, kind.code_bytes());
      unroll<P>([&](auto p) __attribute__((always_inline)) {
        const std::byte* group = group_codes(p, g);
        sums[p].add([group](auto j) __attribute__((always_inline)) { return quad_codes<K, j>(group); },
                    std::get<p>(headers), g, cells);
      });
    }
    unroll<P>([&](auto p) __attribute__((always_inline)) { sums[p].end_block(std::get<p>(headers), x, first); });
    if constexpr (Sums::kHasOutliers)
      for (const Outlier& o : x.outliers_of(first, 1))
        unroll<P>([&](auto p) __attribute__((always_inline)) {
          const F weights = column_weights<K>(std::get<p>(headers), o.group, group_codes(p, o.group), o.column);
          sums[p].sum[0] = V::fma(weights, V::set1(o.value), sums[p].sum[0]);
        });
  });
  unroll<P>([&](auto p) __attribute__((always_inline)) { V::store(out + p * floats_apart, sums[p].sum[0]); });
}

/// One panel for a tile of tokens of eight bits, straight from its codes: each quad meets all tokens in registers.
/// Memory is asked for as in integer_row.
template <PanelKind K, class Sums, int T>
void integer_rows(const std::byte* panel, std::size_t ahead, const QuantizedRows& x, float* out, std::int64_t stride) {
  constexpr IntegerKind kind = integer_kind(K);
  Sums sums;
  for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
    const std::byte* codes = panel + at + kind.header_bytes(groups);
    prefetch(panel + at + ahead, kind.header_bytes(groups));
    const BlockHeader<K> header(panel + at);
    for (int g = 0; g < groups; ++g) {
      const std::byte* group = codes + static_cast<std::size_t>(g) * kind.code_bytes();
      prefetch(group + ahead, kind.code_bytes());
      sums.add([group](auto j) __attribute__((always_inline)) { return quad_codes<K, j>(group); }, header, g,
               typename Sums::Cells(x, first + g));
    }
    sums.end_block(header, x, first);
    const auto outliers = x.outliers_of(first, T);
    std::size_t next = 0;  // they have the tokens' order
    unroll<T>([&](auto t) __attribute__((always_inline)) {
      for (; next < outliers.size() && outliers[next].token == x.first_token + t; ++next) {
        const Outlier& o = outliers[next];
        const F weights = column_weights<K>(header, o.group, codes + o.group * kind.code_bytes(), o.column);
        sums.sum[t] = V::fma(weights, V::set1(o.value), sums.sum[t]);
      }
    });
  });
  unroll<T>([&](auto t) __attribute__((always_inline)) { V::store(out + t * stride, sums.sum[t]); });
}

}  // namespace
}  // namespace ttt::cpu
