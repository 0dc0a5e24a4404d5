#pragma once
// Vector primitives (see linear_kernels_impl.h) for AVX2 with AVX-VNNI, whose dot products add to 32 bits at once.
#include "simd_avx2.h"

namespace ttt::cpu {
namespace {

struct AvxVnni : Avx2 {
  static constexpr int kMostHigh = 127, kMostByteCode = 255;
  static constexpr int pair_sums_that_fit(int, int) { return 1; }
  static I dot(I acc, B codes, const std::int8_t* four) {
    const __m256i x = broadcast(four);
    return {_mm256_dpbusd_avx_epi32(acc.a, codes.a, x), _mm256_dpbusd_avx_epi32(acc.b, codes.b, x)};
  }
  static I dot_words(I acc, I words, const std::int16_t* two) {
    const __m256i x = broadcast(two);
    return {_mm256_dpwssd_avx_epi32(acc.a, words.a, x), _mm256_dpwssd_avx_epi32(acc.b, words.b, x)};
  }
};

}  // namespace
}  // namespace ttt::cpu
