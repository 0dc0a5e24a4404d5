#pragma once
// Products of weights in f16 and bf16 with quantised activations of fifteen bits, over a level's primitives `V`. See
// linear_kernels_impl.h. Weights become words, in steps of a fraction of the largest of a group or block of their row:
// where none stands out, that loses about what f16 has lost, and processors multiply twice as many words as floats. It
// takes some tokens for that to pay.
#include <bit>
#include <cstddef>
#include <limits>

#include "coded_bf16_impl.h"
#include "integer_products_impl.h"

namespace ttt::cpu {
namespace {

static_assert(kBlockGroups * kGroup == kBf16BlockCols);

/// The largest |word| of a weight: a group's products with the largest activations add up in 32 bits.
constexpr int kMostWord = std::numeric_limits<std::int32_t>::max() / (kGroup * most_of(ActivationBits::fifteen));

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

/// The largest |weight| of each row in a group, NaN where one is not finite.
template <PanelKind K>
inline __attribute__((always_inline)) V::F largest_of(const std::byte* group) {
  // Without their signs, both formats have the order of integers.
  V::B most = V::template word_bits<0x7fff, 0>(V::load_bytes(group));
  unroll<kPairs - 1>([&](auto i) __attribute__((always_inline)) {
    const V::B pair = V::load_bytes(group + (i + 1) * static_cast<std::size_t>(kPairBytes));
    most = V::max_words(most, V::template word_bits<0x7fff, 0>(pair));
  });
  alignas(64) std::byte both[kPairBytes];
  V::store_bytes(both, most);
  V::F even, odd;
  load_columns<K>(both, even, odd);
  const V::F zero = V::zero();  // times what is not finite: NaN
  return V::fma(zero, even, V::fma(zero, odd, V::max(even, odd)));
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
  inline __attribute__((always_inline)) void store_quad(WordBlock& out, int group, int quad, Load load) const {
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

/// Groups of a panel of floats as words and their scales.
template <PanelKind K>
  requires(!is_integer(K))
void decode(const std::byte* block, int groups, WordBlock& out) {
  for (int g = 0; g < groups; ++g, block += kPairs * static_cast<std::size_t>(kPairBytes)) {
    const FloatsToWords to_words(largest_of<K>(block), static_cast<float>(kMostWord));
    V::store(out.scales[g][0], to_words.scale());
    unroll<kQuads>([&](auto j) __attribute__((always_inline)) {
      to_words.store_quad(out, g, j, [&](int i, V::F& even, V::F& odd) __attribute__((always_inline)) {
        load_columns<K>(block + (2 * j + i) * static_cast<std::size_t>(kPairBytes), even, odd);
      });
    });
  }
}

/// The same of coded bf16, in steps of a fraction of the power of 2 that the largest weight of a row's block has. No
/// weight is as large as twice that, and what is a sixteenth of it or more keeps all its bits.
template <>
void decode<PanelKind::bf16_coded>(const std::byte* block, int groups, WordBlock& out) {
  constexpr int kLargest = 255, kOne = 128;  // a bf16's mantissa, in steps of its last bit
  constexpr int kPowerWords = static_cast<int>(std::bit_floor(static_cast<unsigned>(kMostWord * kOne / kLargest)));
  static_assert(kPowerWords >= 16 * kOne);
  V::F power, same;
  V::load_bf16_pair(block + offsetof(CodedBf16Header, largest), power, same);
  const FloatsToWords to_words(power, static_cast<float>(kPowerWords));
  const V::F scale = to_words.scale();
  const CodedBf16Block coded(block);
  constexpr int kOctets = kGroup / kOctet, kQuadsOfOctet = kOctet / 4;
  for (int g = 0; g < groups; ++g) {
    V::store(out.scales[g][0], scale);
    for (int octet = 0; octet < kOctets; ++octet) {
      const OctetPairs pairs = coded.load<kAheadOfMany>(g * kOctets + octet);
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
      return panel_products<PanelKind::f16, WordBlock>(w, x, first_token, tokens, out, stride);
    case PanelKind::bf16:
      return panel_products<PanelKind::bf16, WordBlock>(w, x, first_token, tokens, out, stride);
    default:
      return panel_products<PanelKind::bf16_coded, WordBlock>(w, x, first_token, tokens, out, stride);
  }
}

}  // namespace
}  // namespace ttt::cpu
