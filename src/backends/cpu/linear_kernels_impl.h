// The kernels of linear_kernels.h written once over a level's vector primitives. Included by one source per level,
// after it has defined, in an unnamed namespace, a struct `V` with:
//   F   16 f32 lanes: zero, set1, load, store, load_f16, load_u8, load_i8, load_u4_pair(p, low, high), load_e8m0,
//       load_bf16_pair(p, even, odd), add, mul, div, fma, exp, max_of, abs_max(x, y), round
//   I   16 i32 lanes: to_float, add_int, sub_int, set1_int, shift_left<n>, shift_right<n>, sum_of, store_i8
//       store_i16, and as 16 lanes of 2 words: load_words, store_words, dot_words(I, I words, p): lane sums of 2 words
//       times the 2 words at p
//   B   16 lanes of 4 bytes: load_bytes, store_bytes, low_nibbles, high_nibbles, bits<mask, left>, either, lookup,
//       byte_to_float<k>, even_bytes_less(B, z), odd_bytes_less(B, z): bytes 0, 2 or 1, 3 of each lane less z, as
//       words; dot(I, B codes, p): lane sums of 4 unsigned codes times the 4 signed bytes at p
//   kMostHigh: the largest |byte| at p that dot takes of every code without overflow
//   kMostByteCode: the largest code that dot takes with every byte at p
#include <algorithm>
#include <cmath>
#include <cstring>

#include "linear_kernels.h"
#include "panel_codes_impl.h"
#include "quantize_rows_impl.h"

namespace ttt::cpu {
namespace {

using F = V::F;
using std::integral_constant;

template <int P, int T>
struct Tile {
  F sum[P][T];
  Tile() {
    for (auto& panel : sum)
      for (auto& s : panel) s = V::zero();
  }
  void store(float* out, std::int64_t stride) const {
    for (int p = 0; p < P; ++p)
      for (int t = 0; t < T; ++t) V::store(out + t * stride + p * kPanelRows, sum[p][t]);
  }
  /// sum[p][*] += w * x[*][k]
  void accumulate(int p, F w, const float* x, std::int64_t x_stride) {
    for (int t = 0; t < T; ++t) sum[p][t] = V::fma(w, V::set1(x[t * x_stride]), sum[p][t]);
  }
};

template <int P>
struct Panels {
  const std::byte* p[P];
  explicit Panels(const PanelRange& w) {
    for (int i = 0; i < P; ++i) p[i] = w.data + static_cast<std::size_t>(i) * w.layout.panel_bytes();
  }
};

template <PanelKind K, int P, int T>
void plain_float(const PanelRange& w, const float* x, std::int64_t xs, float* out, std::int64_t stride) {
  const Panels<P> panels(w);
  const std::int64_t cols = w.layout.cols;
  Tile<P, T> tile;
  if constexpr (K == PanelKind::bf16) {
    for (std::int64_t k = 0; k < cols; k += 2)
      for (int p = 0; p < P; ++p) {
        F even, odd;
        V::load_bf16_pair(panels.p[p] + k * kPanelRows * 2, even, odd);
        tile.accumulate(p, even, x + k, xs);
        if (k + 1 < cols) tile.accumulate(p, odd, x + k + 1, xs);
      }
  } else {
    for (std::int64_t k = 0; k < cols; ++k)
      for (int p = 0; p < P; ++p) {
        if constexpr (K == PanelKind::f32)
          tile.accumulate(p, V::load(reinterpret_cast<const float*>(panels.p[p]) + k * kPanelRows), x + k, xs);
        else
          tile.accumulate(p, V::load_f16(panels.p[p] + k * kPanelRows * 2), x + k, xs);
      }
  }
  tile.store(out, stride);
}

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

/// A group's codes, scales and offsets times a cell of one token.
template <PanelKind K, ActivationBits Bits>
inline __attribute__((always_inline)) void integer_group(const std::byte* codes, const GroupScales<K>& scales,
                                                         const QuantizedRows& x, std::int64_t cell, F& sum) {
  constexpr IntegerKind kind = integer_kind(K);
  constexpr int kSubs = kind.subgroups(), kSubQuads = kQuads / kSubs;
  unroll<kSubs>([&](auto s) {
    V::B quads[kSubQuads];
    unroll<kSubQuads>([&](auto j) { quads[j] = quad_codes<K, s * kSubQuads + j>(codes); });
    const std::int8_t* bytes = x.codes + cell * QuantizedRows::cell_bytes(Bits) + s * kSubQuads * 4;
    const std::int64_t sums = cell * QuantizedRows::kSums + (kSubs == 1 ? 2 : s);
    const V::I acc = cell_dots<K, Bits>(quads, bytes, x.minus_sums[sums]);
    sum = V::fma(V::to_float(acc), V::mul(scales.scale[s], V::set1(x.scales[cell])), sum);
    if constexpr (kind.has_offset()) sum = V::fma(scales.offset[s], V::set1(x.scaled_sums[sums]), sum);
  });
}

/// Inlined always, as all callers are: a function that only prefetches has no effect that g++ knows, and it drops calls
/// to such.
inline __attribute__((always_inline)) void prefetch(const std::byte* p, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(p + at);
}

/// One panel for one token, straight from its codes. Cells in the order of block_tile. Memory is read strictly in
/// order: the processor's own prefetching then keeps up, and asking ahead of it does harm.
template <PanelKind K, ActivationBits Bits>
void integer_row(const std::byte* panel, const QuantizedRows& x, float* out) {
  constexpr IntegerKind kind = integer_kind(K);
  F sum = V::zero();
  for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
    const std::byte *header = panel + at, *codes = header + kind.header_bytes(groups);
    prefetch(header, kind.header_bytes(groups));
    for (int g = 0; g < groups; ++g)
      integer_group<K, Bits>(codes + static_cast<std::size_t>(g) * kind.code_bytes(), GroupScales<K>(header, g), x,
                             x.cell(first + g, 0), sum);
    if constexpr (QuantizedRows::parts(Bits) == 2)
      x.for_each_refined(first, [&](int g, int) {
        integer_group<K, Bits>(codes + static_cast<std::size_t>(g) * kind.code_bytes(), GroupScales<K>(header, g), x,
                               x.cell(first + g, 1), sum);
      });
  });
  V::store(out, sum);
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
    const std::int64_t cell = x.cell(first + in_block, 0);
    ahead.fetch(in_block);
    unroll<Subs>([&](auto s) __attribute__((always_inline)) {
      const std::int64_t sums = (cell * QuantizedRows::kSums + (Subs == 1 ? 2 : s)) * T;
      V::I acc[T];
      unroll<T>([&](auto t)
                    __attribute__((always_inline)) { acc[t] = minus_zeros<Block::kZeroLog2>(x.minus_sums[sums + t]); });
      add_codes<s, Subs>(acc, w, in_block, x.codes + cell * T * QuantizedRows::cell_bytes(Block::kBits));
      const F scale = V::load(w.scales[in_block][s]);
      unroll<T>([&](auto t) __attribute__((always_inline)) {
        sum[t] = V::fma(V::to_float(acc[t]), V::mul(scale, V::set1(x.scales[cell * T + t])), sum[t]);
        if constexpr (Offset)
          sum[t] = V::fma(V::load(w.offsets[in_block][s]), V::set1(x.scaled_sums[sums + t]), sum[t]);
      });
    });
  }
  unroll<T>([&](auto t) __attribute__((always_inline)) { V::store(out + t * stride, sum[t]); });
}

/// The same for one token's second cell of a group of the block.
template <bool Offset, int Subs, int T, int MaxCode, int ZeroLog2>
void second_cell(const ByteBlock<MaxCode, ZeroLog2>& w, int in_block, const QuantizedRows& x, std::int64_t cell,
                 int token, float* out) {
  constexpr int kSubQuads = kQuads / Subs;
  F sum = V::load(out);
  unroll<Subs>([&](auto s) {
    const std::int64_t sums = (cell * QuantizedRows::kSums + (Subs == 1 ? 2 : s)) * T + token;
    V::B quads[kSubQuads];
    unroll<kSubQuads>([&](auto j) { quads[j] = V::load_bytes(w.bytes[in_block][s * kSubQuads + j]); });
    const V::I acc = add_dots<MaxCode, most_of(ActivationBits::eight), V>(
        minus_zeros<ZeroLog2>(x.minus_sums[sums]), quads, x.codes + (cell * T + token) * kGroup + s * kSubQuads * 4);
    sum = V::fma(V::to_float(acc), V::mul(V::load(w.scales[in_block][s]), V::set1(x.scales[cell * T + token])), sum);
    if constexpr (Offset) sum = V::fma(V::load(w.offsets[in_block][s]), V::set1(x.scaled_sums[sums]), sum);
  });
  V::store(out, sum);
}

/// Tiles: 4 panels of floats for one token, so that four chains of additions overlap; 1 panel for several tokens, which
/// share its decoding.
constexpr int kPanels = 4, kTokens = V::kTokens;

PanelRange panels_of(const PanelRange& w, int first, int count) {
  return {w.layout, w.data + static_cast<std::size_t>(first) * w.layout.panel_bytes(), count};
}
PanelRange one_panel(const PanelRange& w, int panel) { return panels_of(w, panel, 1); }

template <PanelKind K>
void plain_products(const PanelRange& w, const float* x, std::int64_t xs, int tokens, float* out, std::int64_t stride) {
  int p = 0;
  for (; tokens == 1 && p + kPanels <= w.count; p += kPanels)
    plain_float<K, kPanels, 1>(panels_of(w, p, kPanels), x, xs, out + p * kPanelRows, stride);
  for (; p < w.count; ++p)
    for_each_token_tile<kTokens>(tokens, [&](auto count, int t) {
      plain_float<K, 1, count>(one_panel(w, p), x + t * xs, xs, out + t * stride + p * kPanelRows, stride);
    });
}

void float_products(const PanelRange& w, const float* x, std::int64_t xs, int tokens, float* out, std::int64_t stride) {
  const PanelLayout& l = w.layout;
  switch (l.kind) {
    case PanelKind::f32:
      return plain_products<PanelKind::f32>(w, x, xs, tokens, out, stride);
    case PanelKind::f16:
      return plain_products<PanelKind::f16>(w, x, xs, tokens, out, stride);
    case PanelKind::bf16:
      return plain_products<PanelKind::bf16>(w, x, xs, tokens, out, stride);
    default:
      break;
  }
  const PanelLayout decoded{PanelKind::f32, l.rows, l.cols};
  // Unpacking writes whole groups: beyond a panel, to where the next one comes after it.
  std::byte* panels =
      panel_scratch(static_cast<std::size_t>(w.count) * decoded.panel_bytes() + kGroup * kPanelRows * 4);
  for (int p = 0; p < w.count; ++p)
    with_integer_kind(l.kind, [&](auto kind) {
      unpack_floats<kind>(one_panel(w, p).data, l.groups(),
                          reinterpret_cast<float*>(panels + static_cast<std::size_t>(p) * decoded.panel_bytes()));
    });
  plain_products<PanelKind::f32>({decoded, panels, w.count}, x, xs, tokens, out, stride);
}

/// Panels whose blocks meet a tile of tokens by turns, while it is in the first cache.
constexpr int kRun = 2;

/// The products of a block of each of `w`'s panels, at most kRun, with all tokens but the last of an odd number. `at`
/// is where it lies in a panel; `next`: where in the first panel's terms lies what is decoded after it, or null.
template <PanelKind K, class Block>
void block_products(const PanelRange& w, std::size_t at, const std::byte* next, std::int64_t first, int groups,
                    const QuantizedRows& x, std::int64_t first_token, int tokens, float* out, std::int64_t stride) {
  constexpr IntegerKind kind = integer_kind(K);
  const std::size_t panel_bytes = w.layout.panel_bytes(),
                    group_bytes = kind.block_bytes(groups) / static_cast<std::size_t>(groups);
  Block blocks[kRun];
  for (int p = 0; p < w.count; ++p)
    decode<K>(w.data + static_cast<std::size_t>(p) * panel_bytes + at, groups, blocks[p]);
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
          tile.for_each_refined(first, [&](int g, int token) {
            second_cell<kind.has_offset(), kind.subgroups(), count>(blocks[p], g, tile, tile.cell(first + g, 1), token,
                                                                    sums + token * stride);
          });
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
  constexpr int kFewTokens = 16;  // whose part of all blocks stays in a cache: panels are read as one stream
  const auto block = [&](int p, int count, std::size_t at, const std::byte* next, std::int64_t first, int groups) {
    block_products<K, Block>(panels_of(w, p, count), at, next, first, groups, x, first_token, tokens,
                             out + p * kPanelRows, stride);
  };
  if (tokens > kFewTokens) {
    // Block by block, so that the tokens' part that a block meets stays in a cache for all panels.
    for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
      for (int p = 0; p < w.count; p += kRun) {
        const int count = std::min(kRun, w.count - p);
        const bool more = p + 2 * count <= w.count;
        block(p, count, at, more ? one_panel(w, p + count).data + at : nullptr, first, groups);
      }
    });
  } else if (tokens > 1) {
    for (int p = 0; p < w.count; ++p)
      for_each_block<K>(x.groups, [&](std::int64_t first, std::size_t at, int groups) {
        block(p, 1, at, one_panel(w, p).data + at + kind.block_bytes(groups), first, groups);
      });
  }
  if (tokens % 2 == 0) return;
  // One panel after the other: memory is read as one stream.
  for (int p = 0; p < w.count; ++p)
    integer_row<K, Bits>(one_panel(w, p).data, x.tile(first_token + tokens - 1),
                         out + (tokens - 1) * stride + p * kPanelRows);
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

F sigmoid(F x) { return V::div(V::set1(1.0f), V::add(V::set1(1.0f), V::exp(V::mul(x, V::set1(-1.0f))))); }

F gelu_tanh(F x) {
  // 0.5 (1 + tanh(u)) is sigmoid(2u).
  const F cube = V::mul(V::mul(x, x), x);
  return V::mul(x, sigmoid(V::mul(V::set1(2 * 0.7978845608f), V::fma(V::set1(0.044715f), cube, x))));
}

void activate_row(Activation activation, float* v, std::int64_t count) {
  if (activation == Activation::none) return;
  std::int64_t i = 0;
  if (activation == Activation::silu)
    for (; i + 16 <= count; i += 16) V::store(v + i, V::mul(V::load(v + i), sigmoid(V::load(v + i))));
  if (activation == Activation::gelu_tanh)
    for (; i + 16 <= count; i += 16) V::store(v + i, gelu_tanh(V::load(v + i)));
  for (; i < count; ++i) v[i] = activate(activation, v[i]);
}

const LinearKernels kKernels{kTokens, V::kMostByteCode, quantize_row, float_products, integer_products, activate_row};

}  // namespace
}  // namespace ttt::cpu
