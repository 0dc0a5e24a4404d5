#pragma once
// Products of the integer kinds (panel_layout.h) and quantised activations over a level's primitives `V`. See
// linear_kernels_impl.h. One token meets a panel's codes straight from memory (integer_row); several share its
// decoding: a block of a panel at a time (block_products), whose sums over a tile of tokens stay in registers
// (block_tile).
#include <algorithm>
#include <type_traits>

#include "linear_kernels.h"
#include "panel_codes_impl.h"
#include "quantize_rows_impl.h"

namespace ttt::cpu {
namespace {

using F = V::F;

constexpr int kTokens = V::kTokens;
static_assert(kTokens * kBlockGroups < 256, "QuantizedRows::num_refined is a byte");

/// 2^ZeroLog2 times minus the sum of a token's codes: what the products of weights less that zero start at. -1: no
/// zero.
template <int ZeroLog2>
inline __attribute__((always_inline)) V::I minus_zeros(std::int32_t minus_sum) {
  if constexpr (ZeroLog2 < 0)
    return V::set1_int(0);
  else
    return V::template shift_left<ZeroLog2>(V::set1_int(minus_sum));
}

/// acc + quads times a token's bytes at x, none larger than Most. Where the level multiplies into 16 bits, as many
/// products as fit into them are added there before they are widened.
template <int MaxCode, int Most, class Level, int N>
inline __attribute__((always_inline)) V::I add_dots(V::I acc, const V::B (&quads)[N], const std::int8_t* x) {
  constexpr int kFit = Level::pair_sums_that_fit(MaxCode, Most);
  if constexpr (kFit > 1) {
    V::I pairs;
    unroll<N>([&](auto j) {
      const V::I products = Level::pair_products(quads[j], x + j * 4);
      pairs = j % kFit == 0 ? products : Level::add_pairs(pairs, products);
      if (j % kFit == kFit - 1 || j == N - 1) acc = V::add_int(acc, Level::widen_pairs(pairs));
    });
  } else {
    unroll<N>([&](auto j) { acc = V::dot(acc, quads[j], x + j * 4); });
  }
  return acc;
}

/// Quads of codes times a cell of one token. Of fifteen bits the high parts, times 128, plus the low parts; less the
/// zero.
template <PanelKind K, ActivationBits Bits, int N>
inline __attribute__((always_inline)) V::I cell_dots(const V::B (&quads)[N], const std::int8_t* bytes,
                                                     std::int32_t minus_sum) {
  constexpr IntegerKind kind = integer_kind(K);
  if constexpr (Bits == ActivationBits::eight) {
    return add_dots<kind.max_code(), most_of(Bits), V>(minus_zeros<kind.zero_log2>(minus_sum), quads, bytes);
  } else {
    // Two chains of additions, which overlap.
    V::I high = add_dots<kind.max_code(), V::kMostHigh, V>(V::set1_int(0), quads, bytes);
    const V::I low = add_dots<kind.max_code(), V::kMostHigh, V>(V::set1_int(0), quads, bytes + kQuads * 4);
    if constexpr (kind.has_offset())
      high = V::template shift_left<7>(high);
    else
      high = V::template shift_left<kind.zero_log2>(
          V::add_int(V::template shift_left<7 - kind.zero_log2>(high), V::set1_int(minus_sum)));
    return V::add_int(high, low);
  }
}

/// One token's cell of a group.
struct Cell {
  const std::int8_t* codes;
  float scale;
  const std::int32_t* minus_sums;  ///< [QuantizedRows::kSums]
  const float* scaled_sums;        ///< likewise

  /// A group's first one in a tile of one token.
  Cell(const QuantizedRows& x, std::int64_t group)
      : codes(x.codes + group * QuantizedRows::group_bytes(x.bits)),
        scale(x.scales[group]),
        minus_sums(x.minus_sums + group * QuantizedRows::kSums),
        scaled_sums(x.scaled_sums + group * QuantizedRows::kSums) {}
  explicit Cell(const RefinedCell& cell)
      : codes(cell.codes), scale(cell.scale), minus_sums(cell.minus_sums), scaled_sums(cell.scaled_sums) {}
};

/// A group's codes, quad(j) for four columns each, scales and offsets times a cell of one token.
template <PanelKind K, ActivationBits Bits, class Quad>
inline __attribute__((always_inline)) void integer_group(Quad quad, const GroupScales<K>& scales, const Cell& cell,
                                                         F& sum) {
  constexpr IntegerKind kind = integer_kind(K);
  constexpr int kSubs = kind.subgroups(), kSubQuads = kQuads / kSubs;
  unroll<kSubs>([&](auto s) {
    constexpr int kSum = kSubs == 1 ? 2 : s;
    V::B quads[kSubQuads];
    unroll<kSubQuads>([&](auto j) { quads[j] = quad(std::integral_constant<int, s * kSubQuads + j>{}); });
    const V::I acc = cell_dots<K, Bits>(quads, cell.codes + s * kSubQuads * 4, cell.minus_sums[kSum]);
    sum = V::fma(V::to_float(acc), V::mul(scales.scale[s], V::set1(cell.scale)), sum);
    if constexpr (kind.has_offset()) sum = V::fma(scales.offset[s], V::set1(cell.scaled_sums[kSum]), sum);
  });
}

/// Inlined always, as all callers are: a function that only prefetches has no effect that g++ knows, and it drops calls
/// to such.
inline __attribute__((always_inline)) void prefetch(const std::byte* p, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(p + at);
}

/// One panel for one token, straight from its codes. Cells in the order of block_tile. Memory is first asked for
/// strictly in order, a header or a group at a time, whose bit planes are then read by turns: the processor's own
/// prefetching keeps up with that, and asking ahead of it does harm.
template <PanelKind K, ActivationBits Bits>
void integer_row(const std::byte* panel, const QuantizedRows& x, float* out) {
  constexpr IntegerKind kind = integer_kind(K);
  F sum = V::zero();
  for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
    const std::byte *header = panel + at, *codes = header + kind.header_bytes(groups);
    prefetch(header, kind.header_bytes(groups));
    const auto add = [&](int g, const Cell& cell) __attribute__((always_inline)) {
      const std::byte* group = codes + static_cast<std::size_t>(g) * kind.code_bytes();
      integer_group<K, Bits>([&](auto j) { return quad_codes<K, j>(group); }, GroupScales<K>(header, g), cell, sum);
    };
    for (int g = 0; g < groups; ++g) {
      prefetch(codes + static_cast<std::size_t>(g) * kind.code_bytes(), kind.code_bytes());
      add(g, Cell(x, first + g));
    }
    if constexpr (Bits == ActivationBits::eight)
      for (const RefinedCell& cell : x.refined_of(first, 1)) add(cell.group, Cell(cell));
  });
  V::store(out, sum);
}

/// One panel for a tile of tokens of eight bits, straight from its codes: each quad meets all tokens in registers.
template <PanelKind K, int T>
void integer_rows(const std::byte* panel, const QuantizedRows& x, float* out, std::int64_t stride) {
  constexpr IntegerKind kind = integer_kind(K);
  constexpr int kSubs = kind.subgroups(), kSubQuads = kQuads / kSubs;
  F sum[T];
  unroll<T>([&](auto t) __attribute__((always_inline)) { sum[t] = V::zero(); });
  for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
    const std::byte *header = panel + at, *codes = header + kind.header_bytes(groups);
    prefetch(header, kind.header_bytes(groups));
    for (int g = 0; g < groups; ++g) {
      const std::byte* group = codes + static_cast<std::size_t>(g) * kind.code_bytes();
      prefetch(group, kind.code_bytes());
      const GroupScales<K> scales(header, g);
      const std::int8_t* bytes = x.codes + (first + g) * T * QuantizedRows::group_bytes(ActivationBits::eight);
      unroll<kSubs>([&](auto s) __attribute__((always_inline)) {
        const std::int64_t sums = ((first + g) * QuantizedRows::kSums + (kSubs == 1 ? 2 : s)) * T;
        V::I acc[T];
        unroll<T>([&](auto t)
                      __attribute__((always_inline)) { acc[t] = minus_zeros<kind.zero_log2>(x.minus_sums[sums + t]); });
        unroll<kSubQuads>([&](auto j) __attribute__((always_inline)) {
          constexpr int quad = s * kSubQuads + j;
          const V::B quad_of_rows = quad_codes<K, quad>(group);
          unroll<T>([&](auto t) __attribute__((always_inline)) {
            acc[t] = V::dot(acc[t], quad_of_rows, bytes + (quad * T + t) * 4);
          });
        });
        unroll<T>([&](auto t) __attribute__((always_inline)) {
          sum[t] = V::fma(V::to_float(acc[t]), V::mul(scales.scale[s], V::set1(x.scales[(first + g) * T + t])), sum[t]);
          if constexpr (kind.has_offset()) sum[t] = V::fma(scales.offset[s], V::set1(x.scaled_sums[sums + t]), sum[t]);
        });
      });
    }
    const auto cells = x.refined_of(first, T);
    std::size_t next = 0;  // they have the tokens' order
    unroll<T>([&](auto t) __attribute__((always_inline)) {
      for (; next < cells.size() && cells[next].token == t; ++next) {
        const std::byte* group = codes + cells[next].group * kind.code_bytes();
        integer_group<K, ActivationBits::eight>([&](auto j)
                                                    __attribute__((always_inline)) { return quad_codes<K, j>(group); },
                                                GroupScales<K>(header, cells[next].group), Cell(cells[next]), sum[t]);
      }
    });
  });
  unroll<T>([&](auto t) __attribute__((always_inline)) { V::store(out + t * stride, sum[t]); });
}

/// acc[t] += part S of Subs of a group, times the tile's tokens in words.
template <int S, int Subs, int T>
inline __attribute__((always_inline)) void add_codes(V::I (&acc)[T], const WordBlock& w, int in_block,
                                                     const std::int8_t* x) {
  constexpr int kSubPairs = kPairs / Subs;
  const auto* words = reinterpret_cast<const std::int16_t*>(x);
  for (int pair = S * kSubPairs; pair < (S + 1) * kSubPairs; ++pair) {
    const V::I weights = V::load_words(w.words[in_block][pair][0]);
    for (int t = 0; t < T; ++t) acc[t] = V::dot_words(acc[t], weights, words + (pair * T + t) * 2);
  }
}

/// The same with bytes: as add_dots, for a tile.
template <int S, int Subs, int T, class Level = V, int MaxCode, int ZeroLog2>
inline __attribute__((always_inline)) void add_codes(V::I (&acc)[T], const ByteBlock<MaxCode, ZeroLog2>& w,
                                                     int in_block, const std::int8_t* x) {
  constexpr int kSubQuads = kQuads / Subs,
                kChunk = std::min(Level::pair_sums_that_fit(MaxCode, most_of(ActivationBits::eight)), kSubQuads);
  for (int first = S * kSubQuads; first < (S + 1) * kSubQuads; first += kChunk) {
    V::I pairs[T];
    unroll<kChunk>([&](auto j) __attribute__((always_inline)) {
      const int quad = first + j;
      const V::B codes = V::load_bytes(w.bytes[in_block][quad]);
      unroll<T>([&](auto t) __attribute__((always_inline)) {
        const std::int8_t* four = x + (quad * T + t) * 4;
        if constexpr (kChunk == 1)
          acc[t] = V::dot(acc[t], codes, four);
        else if constexpr (j == 0)
          pairs[t] = Level::pair_products(codes, four);
        else
          pairs[t] = Level::add_pairs(pairs[t], Level::pair_products(codes, four));
      });
    });
    if constexpr (kChunk > 1)
      for (int t = 0; t < T; ++t) acc[t] = V::add_int(acc[t], Level::widen_pairs(pairs[t]));
  }
}

/// The block that is decoded after the one at hand, whose groups ask for its bytes in equal parts: asked for at once,
/// they would fill the processor's line buffers, and what finds none free is not fetched.
struct Ahead {
  const std::byte* block = nullptr;  ///< null: nothing
  std::size_t bytes_per_group = 0;

  inline __attribute__((always_inline)) void fetch(int group) const {
    if (block != nullptr) prefetch(block + static_cast<std::size_t>(group) * bytes_per_group, bytes_per_group);
  }
};

/// Adds the block's groups, from `first` on, times a tile's first cells of them, to what `out` has of the tile. The
/// first block begins at zero.
template <bool Offset, int Subs, int T, class Block>
inline __attribute__((always_inline)) void block_tile(const Block& w, std::int64_t first, int groups,
                                                      const QuantizedRows& x, float* out, std::int64_t stride,
                                                      Ahead ahead) {
  // Unrolled by hand, or g++ keeps the sums in memory.
  F sum[T];
  unroll<T>([&](auto t)
                __attribute__((always_inline)) { sum[t] = first == 0 ? V::zero() : V::load(out + t * stride); });
  for (int in_block = 0; in_block < groups; ++in_block) {
    const std::int64_t group = first + in_block;
    ahead.fetch(in_block);
    unroll<Subs>([&](auto s) __attribute__((always_inline)) {
      const std::int64_t sums = (group * QuantizedRows::kSums + (Subs == 1 ? 2 : s)) * T;
      V::I acc[T];
      unroll<T>([&](auto t)
                    __attribute__((always_inline)) { acc[t] = minus_zeros<Block::kZeroLog2>(x.minus_sums[sums + t]); });
      add_codes<s, Subs>(acc, w, in_block, x.codes + group * T * QuantizedRows::group_bytes(Block::kBits));
      const F scale = V::load(w.scales[in_block][s]);
      unroll<T>([&](auto t) __attribute__((always_inline)) {
        sum[t] = V::fma(V::to_float(acc[t]), V::mul(scale, V::set1(x.scales[group * T + t])), sum[t]);
        if constexpr (Offset)
          sum[t] = V::fma(V::load(w.offsets[in_block][s]), V::set1(x.scaled_sums[sums + t]), sum[t]);
      });
    });
  }
  unroll<T>([&](auto t) __attribute__((always_inline)) { V::store(out + t * stride, sum[t]); });
}

/// Panels whose blocks meet a tile of tokens by turns, while it is in the first cache.
constexpr int kRun = 2;

/// The products of a block of each of `w`'s panels, at most kRun, with all tokens but the last of an odd number. The
/// block lies at `at` in a panel. `next`: what is decoded after the first panel's block, or null; for the others it
/// lies as many panels on.
template <PanelKind K, class Block>
void block_products(const PanelRange& w, std::size_t at, const std::byte* next, std::int64_t first, int groups,
                    const QuantizedRows& x, std::int64_t first_token, int tokens, float* out, std::int64_t stride) {
  constexpr IntegerKind kind = integer_kind(K);
  const std::size_t panel_bytes = w.layout.panel_bytes(),
                    group_bytes = kind.block_bytes(groups) / static_cast<std::size_t>(groups);
  Block blocks[kRun];
  for (int p = 0; p < w.count; ++p) decode<K>(w.panel(p) + at, groups, blocks[p]);
  for_each_token_tile<kTokens>(tokens, [&](auto count, int t) {
    if constexpr (count > 1) {
      const QuantizedRows tile = x.tile(first_token + t);
      for (int p = 0; p < w.count; ++p) {
        float* sums = out + t * stride + p * kPanelRows;
        const bool fetch = t == 0 && next != nullptr;
        block_tile<kind.has_offset(), kind.subgroups(), count>(
            blocks[p], first, groups, tile, sums, stride,
            Ahead{fetch ? next + static_cast<std::size_t>(p) * panel_bytes : nullptr, group_bytes});
        if constexpr (Block::kBits == ActivationBits::eight)
          for (const RefinedCell& cell : tile.refined_of(first, count)) {
            float* to = sums + cell.token * stride;
            F sum = V::load(to);
            integer_group<K, ActivationBits::eight>(
                [&](auto j) { return V::load_bytes(blocks[p].bytes[cell.group][j]); },
                GroupScales<K>(blocks[p], cell.group), Cell(cell), sum);
            V::store(to, sum);
          }
      }
    }
  });
}

template <PanelKind K, ActivationBits Bits>
void integer_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                      std::int64_t stride) {
  constexpr IntegerKind kind = integer_kind(K);
  using Block =
      std::conditional_t<Bits == ActivationBits::eight, ByteBlock<kind.max_code(), kind.zero_log2>, WordBlock>;
  // As many share a block's decoding; fewer meet codes as they are. Codes of bytes need no decoding.
  constexpr int kBlockTokens = Bits != ActivationBits::eight || !V::kTokensInRegisters ? 2 : kind.bits == 8 ? 17 : 8;
  constexpr int kFewTokens = 16;  // whose part of all blocks stays in a cache: panels are read as one stream
  const auto block = [&](int p, int count, std::size_t at, const std::byte* next, std::int64_t first, int groups) {
    block_products<K, Block>(w.part(p, count), at, next, first, groups, x, first_token, tokens, out + p * kPanelRows,
                             stride);
  };
  if (tokens > kFewTokens) {
    // Block by block, so that the tokens' part that a block meets stays in a cache for all panels.
    for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
      for (int p = 0; p < w.count; p += kRun) {
        const int count = std::min(kRun, w.count - p);
        const bool more = p + 2 * count <= w.count;
        block(p, count, at, more ? w.panel(p + count) + at : nullptr, first, groups);
      }
    });
  } else if (tokens > 1 && tokens < kBlockTokens) {
    for (int p = 0; p < w.count; ++p)
      for_each_token_tile<kTokens>(tokens, [&](auto count, int t) {
        if constexpr (1 < count && count < kBlockTokens)
          integer_rows<K, count>(w.panel(p), x.tile(first_token + t), out + t * stride + p * kPanelRows, stride);
      });
  } else if (tokens > 1) {
    for (int p = 0; p < w.count; ++p)
      for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
        block(p, 1, at, w.panel(p) + at + kind.block_bytes(groups), first, groups);
      });
  }
  if (tokens % 2 == 0) return;
  // One panel after the other: memory is read as one stream.
  for (int p = 0; p < w.count; ++p)
    integer_row<K, Bits>(w.panel(p), x.tile(first_token + tokens - 1), out + (tokens - 1) * stride + p * kPanelRows);
}

void integer_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                      std::int64_t stride) {
  with_integer_kind(w.layout.kind, [&](auto kind) {
    if constexpr (integer_kind(kind).max_code() <= V::kMostByteCode)
      if (x.bits == ActivationBits::eight)
        return integer_products<kind, ActivationBits::eight>(w, x, first_token, tokens, out, stride);
    integer_products<kind, ActivationBits::fifteen>(w, x, first_token, tokens, out, stride);
  });
}

}  // namespace
}  // namespace ttt::cpu
