#pragma once
// Products of weights in f16 and bf16 with quantised activations of fifteen bits, over a level's primitives `V`. See
// linear_kernels_impl.h. Weights become words, in steps of a fraction of the largest of their row's block: where none
// stands out, that loses about what f16 has lost, and processors multiply twice as many words as floats. It takes some
// tokens for that to pay.
#include <bit>
#include <cstddef>
#include <limits>

#include "coded_bf16_impl.h"
#include "integer_products_impl.h"
#include "kernel_scratch.h"

namespace ttt::cpu {
namespace {

/// The largest |word| of a weight: a group's products with the largest activations add up in 32 bits.
constexpr int kMostWord = std::numeric_limits<std::int32_t>::max() / (kGroup * most_of(ActivationBits::fifteen));

/// Floats as words, in steps of a fraction of a scale that each row has in the block.
struct FloatWords : Words {
  alignas(64) float scale[kPanelRows];
};

/// Adds a block times a tile's activations to what `out` has of the tile. The first block begins at zero. Calls
/// ahead(group) before each group.
template <PanelKind K, int T, class Ahead>
inline __attribute__((always_inline)) void block_tile(const FloatWords& w, std::int64_t first, int groups,
                                                      const QuantizedRows& x, float* out, std::int64_t stride,
                                                      Ahead ahead) {
  F sum[T];
  unroll<T>([&](auto t) __attribute__((always_inline)) { sum[t] = V::zero(); });
  for (int g = 0; g < groups; ++g) {
    const std::int64_t group = first + g;
    ahead(g);
    V::I acc[T];
    unroll<T>([&](auto t) __attribute__((always_inline)) { acc[t] = V::set1_int(0); });
    add_codes<0, 1>(acc, w, g, x.codes + group * T * QuantizedRows::group_bytes(ActivationBits::fifteen));
    unroll<T>([&](auto t) __attribute__((always_inline)) {
      sum[t] = V::fma(V::to_float(acc[t]), V::set1(x.scales[group * T + t]), sum[t]);
    });
  }
  const F scale = V::load(w.scale);
  unroll<T>([&](auto t) __attribute__((always_inline)) {
    V::store(out + t * stride, V::fma(sum[t], scale, first == 0 ? V::zero() : V::load(out + t * stride)));
  });
}

/// Makes words of floats: `most` of them becomes `words`.
class FloatsToWords {
 public:
  FloatsToWords() = default;
  inline __attribute__((always_inline)) FloatsToWords(V::F most, float words)
      : most_(V::max(V::set1(1e-30f), most)),  // the inverse of less overflows
        inverse_(V::div(V::set1(words), most_)),
        words_(words) {}

  /// What a word is worth; not finite where `most` is not, and then no product is.
  V::F scale() const { return V::mul(most_, V::set1(1.0f / words_)); }

  /// Calls take(pair, words) for both pairs of a quad; load(i, even, odd) gives its columns 2i and 2i + 1.
  template <class Load, class Take>
  inline __attribute__((always_inline)) void convert(int quad, Load load, Take take) const {
    // A float of this size has the nearest integer of what is added to it in its low bits.
    const V::F integer = V::set1(12582912.0f);
    V::F columns[4];
    unroll<2>([&](auto i) __attribute__((always_inline)) { load(i, columns[2 * i], columns[2 * i + 1]); });
    for (V::F& column : columns) column = V::fma(column, inverse_, integer);
    unroll<2>([&](auto i)
                  __attribute__((always_inline)) { take(2 * quad + i, V::join_words(columns[i], columns[i + 2])); });
  }

 private:
  V::F most_, inverse_;
  float words_;
};

/// Two columns of a panel.
template <PanelKind K>
inline __attribute__((always_inline)) void load_columns(const std::byte* pair, V::F& even, V::F& odd) {
  if constexpr (K == PanelKind::f16) {
    even = V::load_f16(pair);
    odd = V::load_f16(pair + kPairBytes / 2);
  } else {
    V::load_bf16_pair(pair, even, odd);
  }
}

/// The largest |weight| of each row in a block of bf16, NaN where one is not finite.
inline V::F largest_bf16(const std::byte* block, int groups) {
  // Without their signs, bf16 have the order of integers.
  V::B most = V::template word_bits<0x7fff, 0>(V::load_bytes(block));
  for (int pair = 1; pair < groups * kPairs; ++pair)
    most = V::max_words(
        most, V::template word_bits<0x7fff, 0>(V::load_bytes(block + static_cast<std::size_t>(pair) * kPairBytes)));
  V::F even, odd;
  V::bf16_pair(most, even, odd);
  const V::F zero = V::zero();  // times what is not finite: NaN
  return V::fma(zero, even, V::fma(zero, odd, V::max(even, odd)));
}

/// The words of a block of a panel.
template <PanelKind K>
class BlockWords;

/// In steps of a fraction of the largest weight that a row has in the block, which f16 has beside it.
template <PanelKind K>
  requires(K == PanelKind::f16 || K == PanelKind::bf16)
class BlockWords<K> {
  static constexpr bool kHasLargest = K == PanelKind::f16;

 public:
  BlockWords() = default;
  BlockWords(const std::byte* block, int groups)
      : groups_(block + (kHasLargest ? f16_column_at(0) : 0)),
        to_words_(kHasLargest ? V::load_f16(block) : largest_bf16(block, groups), static_cast<float>(kMostWord)) {}

  V::F scale() const { return to_words_.scale(); }

  /// Calls take(pair, words) for a group's pairs. Asks for what lies `ahead` bytes behind the group, unless that is 0.
  template <class Take>
  inline __attribute__((always_inline)) void group(int g, std::size_t ahead, Take take) const {
    const std::byte* at = groups_ + static_cast<std::size_t>(g) * kBytes;
    if (ahead != 0) prefetch(at + ahead, kBytes);
    unroll<kQuads>([&](auto quad) __attribute__((always_inline)) {
      const auto load = [&](auto i, V::F& even, V::F& odd) __attribute__((always_inline)) {
        load_columns<K>(at + (2 * quad + i) * kPairBytes, even, odd);
      };
      to_words_.convert(quad, load, take);
    });
  }

 private:
  static constexpr std::size_t kBytes = kPairs * kPairBytes;
  const std::byte* groups_;
  FloatsToWords to_words_;
};

/// In steps of a fraction of the power of 2 that the largest weight of a row's block has. No weight is as large as
/// twice that, and what is a sixteenth of it or more keeps all its bits.
template <PanelKind K>
  requires(K == PanelKind::bf16_coded)
class BlockWords<K> {
 public:
  BlockWords() = default;
  BlockWords(const std::byte* block, int) : coded_(block), to_words_(power(block), static_cast<float>(kPowerWords)) {}

  V::F scale() const { return to_words_.scale(); }

  template <class Take>
  inline __attribute__((always_inline)) void group(int g, std::size_t ahead, Take take) const {
    constexpr int kOctets = kGroup / kOctet, kQuadsOfOctet = kOctet / 4;
    for (int octet = 0; octet < kOctets; ++octet) {
      const OctetPairs pairs = coded_.load(g * kOctets + octet, ahead);
      unroll<kQuadsOfOctet>([&](auto j) __attribute__((always_inline)) {
        const auto load = [&](auto i, V::F& even, V::F& odd)
                              __attribute__((always_inline)) { V::bf16_pair(pairs.pair[2 * j + i], even, odd); };
        to_words_.convert(octet * kQuadsOfOctet + j, load, take);
      });
    }
  }

 private:
  static constexpr int kLargest = 255, kOne = 128;  // a bf16's mantissa, in steps of its last bit
  static constexpr int kPowerWords =
      static_cast<int>(std::bit_floor(static_cast<unsigned>(kMostWord * kOne / kLargest)));
  static_assert(kPowerWords >= 16 * kOne);

  static V::F power(const std::byte* block) {
    V::F power, same;
    V::load_bf16_pair(block + offsetof(CodedBf16Header, largest), power, same);
    return power;
  }

  CodedBf16Block coded_;
  FloatsToWords to_words_;
};

/// Calls ahead(group) before each group.
template <PanelKind K, class Ahead>
void decode(const std::byte* block, int groups, FloatWords& out, Ahead ahead) {
  constexpr std::size_t kAhead = K == PanelKind::bf16_coded ? kAheadOfMany : 0;
  const BlockWords<K> words(block, groups);
  V::store(out.scale, words.scale());
  for (int g = 0; g < groups; ++g) {
    ahead(g);
    words.group(g, kAhead,
                [&](int pair, V::I two) __attribute__((always_inline)) { V::store_words(out.words[g][pair][0], two); });
  }
}

/// One token's codes as larger tiles have them, [group][32].
const std::int16_t* words_of_one(const QuantizedRows& x) {
  auto* words = reinterpret_cast<std::int16_t*>(kernel_scratch(static_cast<std::size_t>(x.groups) * kGroup * 2));
  for (std::int64_t g = 0; g < x.groups; ++g) {
    const std::int8_t *high = x.codes + g * 2 * kGroup, *low = high + kGroup;
    for (int quad = 0; quad < kGroup; quad += 4)
      for (int i = 0; i < 4; ++i) {
        const int column = quad + (i % 2) * 2 + i / 2;
        words[g * kGroup + quad + i] = static_cast<std::int16_t>(128 * high[column] + low[column]);
      }
  }
  return words;
}

/// Products of P panels with one token, `words`, from the weights as they are met, with the bits of block_tile's sums.
template <PanelKind K, int P>
void word_row(const std::byte* panel, std::size_t apart, std::size_t ahead, const std::int16_t* words,
              const float* scales, std::int64_t groups, float* out, std::int64_t out_apart) {
  F sum[P];
  for (F& s : sum) s = V::zero();
  for_each_block<K>(groups, [&](std::int64_t first, std::size_t at, int count) {
    BlockWords<K> blocks[P];
    F of_block[P];
    unroll<P>([&](auto p) __attribute__((always_inline)) {
      blocks[p] = BlockWords<K>(panel + p * apart + at, count);
      of_block[p] = V::zero();
    });
    for (std::int64_t g = first; g < first + count; ++g)
      unroll<P>([&](auto p) __attribute__((always_inline)) {
        V::I acc = V::set1_int(0);
        const auto add = [&](int pair, V::I two) __attribute__((always_inline)) {
          acc = V::dot_words(acc, two, words + g * kGroup + 2 * pair);
        };
        blocks[p].group(static_cast<int>(g - first), ahead, add);
        of_block[p] = V::fma(V::to_float(acc), V::set1(scales[g]), of_block[p]);
      });
    unroll<P>([&](auto p) __attribute__((always_inline)) { sum[p] = V::fma(of_block[p], blocks[p].scale(), sum[p]); });
  });
  unroll<P>([&](auto p) __attribute__((always_inline)) { V::store(out + p * out_apart, sum[p]); });
}

template <PanelKind K>
void word_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                   std::int64_t stride) {
  if (tokens > 1) panel_products<K, FloatWords>(w, x, first_token, tokens, out, stride);
  if (tokens % 2 == 0) return;
  const QuantizedRows last = x.tile(first_token + tokens - 1);
  const std::int16_t* words = words_of_one(last);
  const std::size_t ahead = K == PanelKind::bf16_coded ? bf16_ahead(1, w.ahead) : w.ahead;
  for_each_across<V::kPanelsOfOneToken>(w.count, [&](auto panels, int p, int apart) {
    word_row<K, panels>(w.panel(p), apart * w.layout.panel_bytes(), ahead, words, last.scales, x.groups,
                        out + (tokens - 1) * stride + p * kPanelRows, apart * kPanelRows);
  });
}

void word_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                   std::int64_t stride) {
  switch (w.layout.kind) {
    case PanelKind::f16:
      return word_products<PanelKind::f16>(w, x, first_token, tokens, out, stride);
    case PanelKind::bf16:
      return word_products<PanelKind::bf16>(w, x, first_token, tokens, out, stride);
    default:
      return word_products<PanelKind::bf16_coded>(w, x, first_token, tokens, out, stride);
  }
}

}  // namespace
}  // namespace ttt::cpu
