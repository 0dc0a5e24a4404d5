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
  inline __attribute__((always_inline)) FloatsToWords(V::F most, float words)
      : most_(V::max(V::set1(1e-30f), most)),  // the inverse of less overflows
        inverse_(V::div(V::set1(words), most_)),
        words_(words) {}

  /// What a word is worth; not finite where `most` is not, and then no product is.
  V::F scale() const { return V::mul(most_, V::set1(1.0f / words_)); }

  /// A quad's words; load(i, even, odd) gives its columns 2i and 2i + 1.
  template <class Load>
  inline __attribute__((always_inline)) void store_quad(FloatWords& out, int group, int quad, Load load) const {
    // A float of this size has the nearest integer of what is added to it in its low bits.
    const V::F integer = V::set1(12582912.0f);
    V::F columns[4];
    unroll<2>([&](auto i) __attribute__((always_inline)) { load(i, columns[2 * i], columns[2 * i + 1]); });
    for (V::F& column : columns) column = V::fma(column, inverse_, integer);
    unroll<2>([&](auto i) __attribute__((always_inline)) {
      V::store_words(out.words[group][2 * quad + i][0], V::join_words(columns[i], columns[i + 2]));
    });
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

/// A block's words, in steps of a fraction of the largest weight that a row has in it, which f16 has beside it. Calls
/// ahead(group) before each group.
template <PanelKind K, class Ahead>
  requires(K == PanelKind::f16 || K == PanelKind::bf16)
void decode(const std::byte* block, int groups, FloatWords& out, Ahead ahead) {
  constexpr bool kHasLargest = K == PanelKind::f16;
  const V::F largest = kHasLargest ? V::load_f16(block) : largest_bf16(block, groups);
  const FloatsToWords to_words(largest, static_cast<float>(kMostWord));
  V::store(out.scale, to_words.scale());
  const std::byte* group = block + (kHasLargest ? f16_column_at(0) : 0);
  for (int g = 0; g < groups; ++g, group += kPairs * kPairBytes) {
    ahead(g);
    unroll<kQuads>([&](auto quad) __attribute__((always_inline)) {
      to_words.store_quad(out, g, quad, [&](auto i, V::F& even, V::F& odd) __attribute__((always_inline)) {
        load_columns<K>(group + (2 * quad + i) * kPairBytes, even, odd);
      });
    });
  }
}

/// In steps of a fraction of the power of 2 that the largest weight of a row's block has. No weight is as large as
/// twice that, and what is a sixteenth of it or more keeps all its bits.
template <PanelKind K, class Ahead>
  requires(K == PanelKind::bf16_coded)
void decode(const std::byte* block, int groups, FloatWords& out, Ahead ahead) {
  constexpr int kLargest = 255, kOne = 128;  // a bf16's mantissa, in steps of its last bit
  constexpr int kPowerWords = static_cast<int>(std::bit_floor(static_cast<unsigned>(kMostWord * kOne / kLargest)));
  static_assert(kPowerWords >= 16 * kOne);
  V::F power, same;
  V::load_bf16_pair(block + offsetof(CodedBf16Header, largest), power, same);
  const FloatsToWords to_words(power, static_cast<float>(kPowerWords));
  V::store(out.scale, to_words.scale());
  const CodedBf16Block coded(block);
  constexpr int kOctets = kGroup / kOctet, kQuadsOfOctet = kOctet / 4;
  for (int g = 0; g < groups; ++g) {
    ahead(g);
    for (int octet = 0; octet < kOctets; ++octet) {
      const OctetPairs pairs = coded.load(g * kOctets + octet, kAheadOfMany);
      unroll<kQuadsOfOctet>([&](auto j) __attribute__((always_inline)) {
        to_words.store_quad(out, g, octet * kQuadsOfOctet + j,
                            [&](auto i, V::F& even, V::F& odd)
                                __attribute__((always_inline)) { V::bf16_pair(pairs.pair[2 * j + i], even, odd); });
      });
    }
  }
}

void word_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                   std::int64_t stride) {
  switch (w.layout.kind) {
    case PanelKind::f16:
      return panel_products<PanelKind::f16, FloatWords>(w, x, first_token, tokens, out, stride);
    case PanelKind::bf16:
      return panel_products<PanelKind::bf16, FloatWords>(w, x, first_token, tokens, out, stride);
    default:
      return panel_products<PanelKind::bf16_coded, FloatWords>(w, x, first_token, tokens, out, stride);
  }
}

}  // namespace
}  // namespace ttt::cpu
