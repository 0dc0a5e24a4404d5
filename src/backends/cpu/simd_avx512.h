#pragma once
// Vector primitives (see linear_kernels_impl.h) for AVX-512 F/BW/DQ/VL with VNNI.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace ttt::cpu {
namespace {

struct V {
  using F = __m512;
  struct I { __m512i v; };
  struct B { __m512i v; };
  static constexpr int kTokens = 8;

  static F zero() { return _mm512_setzero_ps(); }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static float max_of(F a) { return _mm512_reduce_max_ps(a); }
  /// exp by 2^n * p(r), |r| <= ln2/2; relative error about 2e-7; underflows to 0.
  static F exp(F x) {
    x = _mm512_max_ps(_mm512_min_ps(x, set1(88.0f)), set1(-104.0f));
    const F n = _mm512_roundscale_ps(_mm512_mul_ps(x, set1(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    F r = _mm512_fnmadd_ps(n, set1(0.693145752f), x);
    r = _mm512_fnmadd_ps(n, set1(1.42860677e-6f), r);
    F p = set1(1.0f / 720);
    for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) p = fma(p, r, set1(c));
    return _mm512_scalef_ps(p, n);
  }
  static F load_f16(const std::byte* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static void store_f16(std::uint16_t* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static F load_bf16(const std::byte* p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
  }
  static F load_i8(const std::byte* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static void load_bf16_pair(const std::byte* p, F& even, F& odd) {
    const __m512i w = _mm512_loadu_si512(p);
    even = _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
    odd = _mm512_castsi512_ps(_mm512_and_si512(w, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static I iset1(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  static F to_float(I x) { return _mm512_cvtepi32_ps(x.v); }
  static I times_128_plus(I a, I b) { return {_mm512_add_epi32(_mm512_slli_epi32(a.v, 7), b.v)}; }
  static B load_bytes(const std::byte* p) { return {_mm512_loadu_si512(p)}; }
  static B low_nibbles(B x) { return {_mm512_and_si512(x.v, _mm512_set1_epi8(15))}; }
  static B high_nibbles(B x) { return low_nibbles({_mm512_srli_epi16(x.v, 4)}); }
  template <int K>
  static F byte_to_float(B x) {
    return _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32(x.v, 8 * K), _mm512_set1_epi32(255)));
  }
  static I dot(I acc, B codes, std::int32_t four) { return {_mm512_dpbusd_epi32(acc.v, codes.v, _mm512_set1_epi32(four))}; }
};

}  // namespace
}  // namespace ttt::cpu
