#pragma once
// Products of weights in f16 and bf16 with quantised activations of fifteen bits, over a level's primitives `V`. See
// linear_kernels_impl.h. A group's weights become words, in steps of a fraction of their largest: where none stands
// out, that loses about what f16 has lost, and processors multiply twice as many words as floats. It takes some tokens
// for that to pay.
#include <limits>

#include "coded_bf16_impl.h"
#include "integer_products_impl.h"

namespace ttt::cpu {
namespace {

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

/// Groups of a panel of floats as words and their scales.
template <PanelKind K>
void decode_floats(const std::byte* block, int groups, WordBlock& out) {
  constexpr float kTiny = 1e-30f;  // the inverse of less overflows
  for (int g = 0; g < groups; ++g, block += kPairs * static_cast<std::size_t>(kPairBytes)) {
    const V::F most = largest_of<K>(block), steps = V::set1(static_cast<float>(kMostWord)),
               inverse = V::div(steps, V::max(V::set1(kTiny), most));  // NaN of NaN, which makes words of 0
    V::store(out.scales[g][0], V::mul(most, V::set1(1.0f / static_cast<float>(kMostWord))));
    unroll<kQuads>([&](auto j) __attribute__((always_inline)) {
      V::F columns[4];
      unroll<2>([&](auto i) __attribute__((always_inline)) {
        load_columns<K>(block + (2 * j + i) * static_cast<std::size_t>(kPairBytes), columns[2 * i], columns[2 * i + 1]);
      });
      unroll<2>([&](auto i) __attribute__((always_inline)) {
        V::store_words(out.words[g][2 * j + i][0],
                       V::join_words(V::round(V::mul(columns[i], inverse)), V::round(V::mul(columns[i + 2], inverse))));
      });
    });
  }
}

template <PanelKind K>
  requires(!is_integer(K))
void decode(const std::byte* block, int groups, WordBlock& out) {
  if constexpr (K == PanelKind::bf16_coded) {
    alignas(64) std::byte plain[kBlockGroups * kPairs * kPairBytes];
    unpack_bf16(block, 0, groups * kGroup, plain);
    decode_floats<PanelKind::bf16>(plain, groups, out);
  } else {
    decode_floats<K>(block, groups, out);
  }
}

template <PanelKind K>
void word_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                   std::int64_t stride) {
  static_assert(kBlockGroups * kGroup == kBf16BlockCols);
  for (std::int64_t first = 0; first < x.groups; first += kBlockGroups) {
    const int groups = static_cast<int>(std::min<std::int64_t>(kBlockGroups, x.groups - first));
    const auto bytes_before = [](std::int64_t group) {
      return PanelLayout{K, kPanelRows, group * kGroup}.panel_bytes();
    };
    const std::size_t at = bytes_before(first), bytes = bytes_before(first + groups) - at;
    for_each_run(w, at, [&](int p, int count, const std::byte* next) {
      block_products<K, WordBlock>(w.part(p, count), at, bytes, next, first, groups, x, first_token, tokens,
                                   out + p * kPanelRows, stride);
    });
  }
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
