#pragma once
// Integer products of weights' codes and activations' bytes, over a level's primitives. See linear_kernels_impl.h.
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "linear_kernels.h"
#include "panel_codes_impl.h"

namespace ttt::cpu {
namespace {

/// 2^ZeroLog2 times minus the sum of a token's codes, from QuantizedRows::minus_sums: what the products of weights less
/// that zero start at. -1: no zero.
template <int ZeroLog2>
inline __attribute__((always_inline)) V::I minus_zeros(std::int32_t minus_sum) {
  if constexpr (ZeroLog2 < 0)
    return V::set1_int(0);
  else if constexpr (ZeroLog2 == QuantizedRows::kZeroLog2)
    return V::set1_int(minus_sum);
  else
    return V::template shift_right<QuantizedRows::kZeroLog2 - ZeroLog2>(V::set1_int(minus_sum));
}

/// Where each token of a tile of T has its four bytes for a quad.
template <int T>
struct TileBytes {
  const std::int8_t* x;

  const std::int8_t* operator()(int quad, int t) const { return x + (quad * T + t) * 4; }
};

/// total[t] += the products of `Count` quads of codes, quad(j) for four columns each, and their bytes(j, t). Each quad
/// is asked for once, as it is met: all at a time find no room in the registers of AVX2. Where the level multiplies
/// into 16 bits, `Fit` products of a lane are added there before widen(sums) makes 32 bits of them; where one fits at
/// most, `dot` does all of it.
template <int Fit, int Count, class Level, int T, class Quad, class Bytes, class Widen>
inline __attribute__((always_inline)) void add_products(typename Level::I (&total)[T], Quad quad, Bytes bytes,
                                                        Widen widen) {
  constexpr int kRun = std::clamp(Fit, 1, Count);
  static_assert(Count % kRun == 0);
  unroll<Count / kRun>([&](auto run) __attribute__((always_inline)) {
    typename Level::I pairs[T];
    unroll<kRun>([&](auto i) __attribute__((always_inline)) {
      constexpr std::integral_constant<int, run * kRun + i> kQuad{};
      const typename Level::B codes = quad(kQuad);
      unroll<T>([&](auto t) __attribute__((always_inline)) {
        const std::int8_t* four = bytes(kQuad, t);
        if constexpr (Fit <= 1)
          total[t] = Level::dot(total[t], codes, four);
        else if constexpr (i == 0)
          pairs[t] = Level::pair_products(codes, four);
        else
          pairs[t] = Level::add_pairs(pairs[t], Level::pair_products(codes, four));
      });
    });
    if constexpr (Fit > 1)
      unroll<T>([&](auto t) __attribute__((always_inline)) { total[t] = Level::add_int(total[t], widen(pairs[t])); });
  });
}

/// What add_products does with sums that nothing multiplies.
template <class Level>
struct WidenPairs {
  inline __attribute__((always_inline)) typename Level::I operator()(typename Level::I pairs) const {
    return Level::widen_pairs(pairs);
  }
};

/// add_products for codes up to MaxCode and bytes up to Most, whose sums nothing multiplies.
template <int MaxCode, int Most, int Count, class Level, int T, class Quad, class Bytes>
inline __attribute__((always_inline)) void add_dots(typename Level::I (&total)[T], Quad quad, Bytes bytes) {
  add_products<Level::pair_sums_that_fit(MaxCode, Most), Count, Level>(total, quad, bytes, WidenPairs<Level>{});
}

/// acc[t] = the products of codes less 2^ZeroLog2, see add_dots and minus_zeros.
template <int MaxCode, int ZeroLog2, int Count, int T, class Quad>
inline __attribute__((always_inline)) void dots_less_zero(V::I (&acc)[T], Quad quad, TileBytes<T> bytes,
                                                          const std::int32_t* minus_sums) {
  unroll<T>([&](auto t) __attribute__((always_inline)) { acc[t] = minus_zeros<ZeroLog2>(minus_sums[t]); });
  add_dots<MaxCode, most_of(ActivationBits::eight), Count, V>(acc, quad, bytes);
}

}  // namespace
}  // namespace ttt::cpu
