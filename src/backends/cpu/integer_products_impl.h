#pragma once
// Products of the integer kinds (panel_layout.h) and quantised activations over a level's primitives `V`. See
// linear_kernels_impl.h. One token or a few meet a panel's codes straight from memory (integer_rows_impl.h); more share
// its decoding: a block of a panel at a time (block_products), whose sums over a tile of tokens stay in registers
// (block_tile). Activations have a scale for each group, or for a block (scaled_products_impl.h).
#include <algorithm>
#include <concepts>
#include <type_traits>

#include "integer_rows_impl.h"
#include "linear_kernels.h"
#include "panel_codes_impl.h"
#include "quantize_rows_impl.h"
#include "scaled_products_impl.h"

namespace ttt::cpu {
namespace {

using F = V::F;

constexpr int kTokens = V::kTokens;

/// acc[t] += part S of Subs of a group, times the tile's tokens in words.
template <int S, int Subs, int T>
inline __attribute__((always_inline)) void add_codes(V::I (&acc)[T], const Words& w, int in_block,
                                                     const std::int8_t* x) {
  constexpr int kSubPairs = kPairs / Subs;
  const auto* words = reinterpret_cast<const std::int16_t*>(x);
  unroll<kSubPairs>([&](auto j) __attribute__((always_inline)) {
    const int pair = S * kSubPairs + j;
    const V::I weights = V::load_words(w.words[in_block][pair][0]);
    unroll<T>([&](auto t) __attribute__((always_inline)) {
      acc[t] = V::dot_words(acc[t], weights, words + (pair * T + t) * 2);
    });
  });
}

/// The same with bytes.
template <int S, int Subs, int T, class Level = V, PanelKind K>
inline __attribute__((always_inline)) void add_codes(V::I (&acc)[T], const ByteBlock<K>& w, int in_block,
                                                     const std::int8_t* x) {
  constexpr int kSubQuads = kQuads / Subs, kFirst = S * kSubQuads;
  add_dots<ByteBlock<K>::kMaxCode, most_of(ActivationBits::eight), kSubQuads, Level>(
      acc, [&](auto j) __attribute__((always_inline)) { return V::load_bytes(w.bytes[in_block][kFirst + j]); },
      TileBytes<T>{x + kFirst * T * 4});
}

/// The block that is decoded after the one at hand, whose groups ask for its bytes in equal parts: asked for at once,
/// they would fill the processor's line buffers, and what finds none free is not fetched.
struct NextBlock {
  const std::byte* block = nullptr;  ///< null: nothing
  std::size_t bytes_per_group = 0;

  inline __attribute__((always_inline)) void operator()(int group) const {
    if (block != nullptr) prefetch(block + static_cast<std::size_t>(group) * bytes_per_group, bytes_per_group);
  }
};

/// Adds the block's groups, from `first` on, times a tile's activations, to what `out` has of the tile. The
/// first block begins at zero.
template <PanelKind K, int T, std::derived_from<DecodedBlock> Block>
inline __attribute__((always_inline)) void block_tile(const Block& w, std::int64_t first, int groups,
                                                      const QuantizedRows& x, float* out, std::int64_t stride,
                                                      NextBlock ahead) {
  constexpr IntegerKind kind = integer_kind(K);
  constexpr int kSubs = kind.subgroups();
  // Unrolled by hand, or g++ keeps the sums in memory.
  F sum[T];
  unroll<T>([&](auto t)
                __attribute__((always_inline)) { sum[t] = first == 0 ? V::zero() : V::load(out + t * stride); });
  for (int in_block = 0; in_block < groups; ++in_block) {
    const std::int64_t group = first + in_block;
    ahead(in_block);
    unroll<kSubs>([&](auto s) __attribute__((always_inline)) {
      const std::int64_t sums = (group * QuantizedRows::kSums + (kSubs == 1 ? 2 : s)) * T;
      V::I acc[T];
      unroll<T>([&](auto t)
                    __attribute__((always_inline)) { acc[t] = minus_zeros<Block::kZeroLog2>(x.minus_sums[sums + t]); });
      add_codes<s, kSubs>(acc, w, in_block, x.codes + group * T * QuantizedRows::group_bytes(Block::kBits));
      const F scale = V::load(w.scales[in_block][s]);
      unroll<T>([&](auto t) __attribute__((always_inline)) {
        sum[t] = V::fma(V::to_float(acc[t]), V::mul(scale, V::set1(x.scales[group * T + t])), sum[t]);
        if constexpr (kind.has_offset())
          sum[t] = V::fma(V::load(w.offsets[in_block][s]), V::set1(x.scaled_sums[sums + t]), sum[t]);
      });
    });
  }
  unroll<T>([&](auto t) __attribute__((always_inline)) { V::store(out + t * stride, sum[t]); });
}

/// Tiles that share the asking for what comes next.
constexpr int kFetchingTiles = 4;

/// Panels whose blocks meet a tile of tokens by turns, while it is in the first cache.
constexpr int kRun = 2;

/// Calls f(first panel, number of panels, block_products' `next`) for a block's runs of panels.
template <class F>
inline __attribute__((always_inline)) void for_each_run(const PanelRange& w, std::size_t at, F f) {
  for (int p = 0; p < w.count; p += kRun) {
    const int count = std::min(kRun, w.count - p);
    const bool more = p + 2 * count <= w.count;
    f(p, count, more ? w.panel(p + count) + at : nullptr);
  }
}

/// Tokens whose part of all blocks stays in a cache: panels are read as one stream.
constexpr int kFewTokens = 16;

/// One column of group g, as weights.
template <PanelKind K>
F column_weights(const ByteBlock<K>& w, int g, int column) {
  const GroupScales<K> scales(w, g);
  const int part = column * integer_kind(K).subgroups() / kGroup;
  return weights_of<K, integer_kind(K).zero() << ByteBlock<K>::kLeft>(
      V::byte_to_float(V::load_bytes(w.bytes[g][column / 4]), column % 4), scales.scale[part], scales.offset[part]);
}

/// The products of a block of each of `w`'s panels, at most kRun, with all tokens but the last of an odd number. The
/// block lies at `at` in a panel. `next`: what is decoded after the first panel's block, or null;
/// for the others it lies as many panels on.
template <PanelKind K, class Block>
void block_products(const PanelRange& w, std::size_t at, const std::byte* next, std::int64_t first, int groups,
                    const QuantizedRows& x, std::int64_t first_token, int tokens, float* out, std::int64_t stride) {
  const std::size_t panel_bytes = w.layout.panel_bytes();
  // What comes next is asked for by the decoding and by some tiles.
  const int fetching = std::clamp((tokens / 2 * 2 + kTokens - 1) / kTokens, 1, kFetchingTiles);
  const std::size_t share = block_bytes<K>(groups) / static_cast<std::size_t>(1 + fetching);
  const auto ahead = [&](int p, int part) {
    const std::size_t from = static_cast<std::size_t>(p) * panel_bytes + static_cast<std::size_t>(part) * share;
    return NextBlock{next == nullptr ? nullptr : next + from, share / static_cast<std::size_t>(groups)};
  };
  Block blocks[kRun];
  for (int p = 0; p < w.count; ++p) decode<K>(w.panel(p) + at, groups, blocks[p], ahead(p, 0));
  for_each_token_tile<kTokens>(tokens, [&](auto count, int t) {
    if constexpr (count > 1) {
      const QuantizedRows tile = x.tile(first_token + t);
      for (int p = 0; p < w.count; ++p) {
        float* sums = out + t * stride + p * kPanelRows;
        const int part = 1 + t / kTokens;
        block_tile<K, count>(blocks[p], first, groups, tile, sums, stride,
                             t % kTokens == 0 && part <= fetching ? ahead(p, part) : NextBlock{});
      }
    }
  });
  // `x` is no tile: its tokens count from 0.
  if constexpr (Block::kBits == ActivationBits::eight)
    for (int p = 0; p < w.count; ++p)
      for (const Outlier& o : x.outliers.of(first / kBlockGroups, first_token, tokens / 2 * 2)) {
        float* to = out + (o.token - first_token) * stride + p * kPanelRows;
        V::store(to, V::fma(column_weights<K>(blocks[p], o.group, o.column), V::set1(o.value), V::load(to)));
      }
}

/// The products of whole panels with all tokens but the last of an odd number, a block at a time.
template <PanelKind K, class Block>
void panel_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                    std::int64_t stride) {
  const auto block = [&](int p, int count, std::size_t at, const std::byte* next, std::int64_t first, int groups) {
    block_products<K, Block>(w.part(p, count), at, next, first, groups, x, first_token, tokens, out + p * kPanelRows,
                             stride);
  };
  if (tokens > kFewTokens)
    // Block by block, so that the tokens' part that a block meets stays in a cache for all panels.
    return for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
      for_each_run(w, at, [&](int p, int count, const std::byte* next) { block(p, count, at, next, first, groups); });
    });
  for (int p = 0; p < w.count; ++p)
    for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
      block(p, 1, at, w.panel(p) + at + block_bytes<K>(groups), first, groups);
    });
}

/// Products with activations that have groups' scales.
template <PanelKind K, ActivationBits Bits>
struct OfGroups {
  static constexpr ActivationBits kBits = Bits;
  using Block = std::conditional_t<Bits == ActivationBits::eight, ByteBlock<K>, WordBlock>;
  template <int T>
  using Sums = GroupSums<K, Bits, T>;
};

/// A K-quant's products with activations that have blocks' scales.
template <PanelKind K>
struct OfBlocks {
  static constexpr ActivationBits kBits = ActivationBits::eight;
  using Block = ScaledBlock<K>;
  template <int T>
  using Sums = BlockSums<K, T>;
};

/// Products by the block and the sums that `Of` names.
template <PanelKind K, class Of>
void products_of(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                 std::int64_t stride) {
  // As many share a block's decoding; a tile meets codes as they are, and so do some more where these need no decoding.
  constexpr bool kInRegisters = Of::kBits == ActivationBits::eight && V::kTokensInRegisters;
  constexpr int kBlockTokens = !kInRegisters ? 2 : integer_kind(K).bits == 8 ? kFewTokens + 1 : kTokens + 1;
  if (tokens >= kBlockTokens)
    panel_products<K, typename Of::Block>(w, x, first_token, tokens, out, stride);
  else if (tokens > 1)
    for (int p = 0; p < w.count; ++p)
      for_each_token_tile<kTokens>(tokens, [&](auto count, int t) {
        if constexpr (1 < count && count < kBlockTokens)
          integer_rows<K, typename Of::template Sums<count>, count>(w.panel(p), w.ahead, x.tile(first_token + t),
                                                                    out + t * stride + p * kPanelRows, stride);
      });
  if (tokens % 2 == 0) return;
  const QuantizedRows last = x.tile(first_token + tokens - 1);
  for_each_across<V::kPanelsOfOneToken>(w.count, [&](auto panels, int p, int apart) {
    integer_row<K, typename Of::template Sums<1>, panels>(w.panel(p), apart * w.layout.panel_bytes(), w.ahead, last,
                                                          out + (tokens - 1) * stride + p * kPanelRows,
                                                          apart * kPanelRows);
  });
}

void integer_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                      std::int64_t stride) {
  with_integer_kind(w.layout.kind, [&](auto kind) {
    if constexpr (integer_kind(kind).is_k())
      if (x.scale_of == ScaleOf::block)
        return products_of<kind, OfBlocks<kind>>(w, x, first_token, tokens, out, stride);
    if constexpr (eight_bits_fit(integer_kind(kind), V::kMostByteCode))
      if (x.bits == ActivationBits::eight)
        return products_of<kind, OfGroups<kind, ActivationBits::eight>>(w, x, first_token, tokens, out, stride);
    products_of<kind, OfGroups<kind, ActivationBits::fifteen>>(w, x, first_token, tokens, out, stride);
  });
}

}  // namespace
}  // namespace ttt::cpu
