#pragma once
// Vector primitives (see linear_kernels_impl.h) for AVX-512 F/BW/DQ/VL with VNNI; those that store bf16 need its BF16
// too.
#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace ttt::cpu {
namespace {

struct V {
  using F = __m512;
  struct I {
    __m512i v;
  };
  struct B {
    __m512i v;
  };
  static constexpr int kTokens = 8;
  static constexpr int kFloatTokens = 8;
  static constexpr int kFloatPanels = 2;  // a read for each FMA would take longer than these
  static constexpr int kPanelsOfOneToken = 4;
  static constexpr bool kTokensInRegisters = true;
  static constexpr int kAttentionTiles = 2;
  static constexpr int kAttentionRows = 8;

  static F zero() { return _mm512_setzero_ps(); }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  static float max_of(F a) { return _mm512_reduce_max_ps(a); }
  /// exp by 2^n * p(r), |r| <= ln2/2; relative error about 2e-7; 0 below -87, overflows to infinity.
  static F exp(F x) {
    x = _mm512_min_ps(set1(89.0f), x);
    const F n =
        _mm512_roundscale_ps(_mm512_mul_ps(x, set1(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    F r = _mm512_fnmadd_ps(n, set1(0.693145752f), x);
    r = _mm512_fnmadd_ps(n, set1(1.42860677e-6f), r);
    F p = set1(1.0f / 720);
    for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) p = fma(p, r, set1(c));
    return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, set1(-87.0f), _CMP_NLT_UQ), p, n);
  }
  static F load_f16(const std::byte* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void store_f16(std::uint16_t* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static F load_bf16(const std::byte* p) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
  }
  static I load_i8(const std::byte* p) {
    return {_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  /// Of words [16][even, odd] in bf16.
  static void bf16_pair(B words, F& even, F& odd) {
    even = _mm512_castsi512_ps(_mm512_slli_epi32(words.v, 16));
    odd = _mm512_castsi512_ps(_mm512_and_si512(words.v, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static void load_bf16_pair(const std::byte* p, F& even, F& odd) { bf16_pair(load_bytes(p), even, odd); }
#ifdef __AVX512BF16__
  static void store_bf16(std::uint16_t* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), std::bit_cast<__m256i>(_mm512_cvtneps_pbh(x)));
  }
  /// Two vectors, their lanes in turn: [16][even, odd] bf16.
  static void store_bf16_pair(std::byte* p, F even, F odd) {
    _mm512_storeu_si512(p, interleave(std::bit_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even))));
  }
  /// x as a sum of two bf16.
  static void store_split(std::uint16_t* high, std::uint16_t* low, F x) {
    const auto h = std::bit_cast<__m256i>(_mm512_cvtneps_pbh(x));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(high), h);
    store_bf16(low, _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16))));
  }
  /// The same for two vectors, their lanes in turn.
  static void store_split_pair(std::byte* high, std::byte* low, F even, F odd) {
    const __m512i h = interleave(std::bit_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even)));
    _mm512_storeu_si512(high, h);
    F even_high, odd_high;
    load_bf16_pair(high, even_high, odd_high);
    store_bf16_pair(low, _mm512_sub_ps(even, even_high), _mm512_sub_ps(odd, odd_high));
  }
  /// The 16 halves of two vectors, in turn.
  static __m512i interleave(__m512i halves) {
    const __m512i order =
        _mm512_add_epi32(_mm512_set1_epi32(16 << 16),
                         _mm512_mullo_epi32(_mm512_set1_epi32(0x10001),
                                            _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)));
    return _mm512_permutexvar_epi16(order, halves);
  }
#endif
  static I load_u8(const std::byte* p) {
    return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static void load_u4_pair(const std::byte* p, I& low, I& high) {
    const I v = load_u8(p);
    low = {_mm512_and_si512(v.v, _mm512_set1_epi32(15))};
    high = {_mm512_srli_epi32(v.v, 4)};
  }
  /// 2^(e - 128), subnormal for e < 2.
  static F load_e8m0(const std::byte* p) {
    const __m512i e = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
    const __m512i small = _mm512_sllv_epi32(_mm512_set1_epi32(0x200000), _mm512_min_epi32(e, _mm512_set1_epi32(1)));
    return _mm512_castsi512_ps(_mm512_max_epi32(normal, small));
  }
  /// As integers, of which NaN are the largest.
  static float magnitude(F a, F b) {
    return std::bit_cast<float>(_mm512_reduce_max_epi32(
        _mm512_max_epi32(_mm512_castps_si512(_mm512_abs_ps(a)), _mm512_castps_si512(_mm512_abs_ps(b)))));
  }
  static F add_neighbours(F a) { return _mm512_add_ps(a, _mm512_permute_ps(a, 0xb1)); }
  static I round(F a) { return {_mm512_cvtps_epi32(a)}; }
  static I set1_int(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  static I add_int(I a, I b) { return {_mm512_add_epi32(a.v, b.v)}; }
  static I sub_int(I a, I b) { return {_mm512_sub_epi32(a.v, b.v)}; }
  template <int N>
  static I shift_left(I a) {
    return {_mm512_slli_epi32(a.v, N)};
  }
  template <int N>
  static I shift_right(I a) {
    return {_mm512_srai_epi32(a.v, N)};
  }
  static std::int32_t sum_of(I a) { return _mm512_reduce_add_epi32(a.v); }
  static void store_i16_pairs(std::int16_t* p, I a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_shuffle_epi32(a.v, _MM_PERM_DBCA)));
  }
  static void store_i8(std::int8_t* p, I a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v));
  }
  static F to_float(I x) { return _mm512_cvtepi32_ps(x.v); }
  static B load_bytes(const std::byte* p) { return {_mm512_loadu_si512(p)}; }
  /// The same, where compilers would make the load a part of each operation on it.
  static B load_once(const std::byte* p) {
    B x = load_bytes(p);
    asm("" : "+v"(x.v));
    return x;
  }
  static void store_bytes(std::byte* p, B x) { _mm512_store_si512(p, x.v); }
  template <int K>
  static F byte_to_float(B x) {
    if constexpr (K == 3)
      return _mm512_cvtepi32_ps(_mm512_srli_epi32(x.v, 24));
    else
      return _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32(x.v, 8 * K), _mm512_set1_epi32(255)));
  }
  static F byte_to_float(B x, int k) {
    const __m512i byte = _mm512_and_si512(_mm512_srl_epi32(x.v, _mm_cvtsi32_si128(8 * k)), _mm512_set1_epi32(255));
    return _mm512_cvtepi32_ps(byte);
  }
  /// The bits of Mask, after a shift to the left by Left bits (to the right when negative).
  template <int Mask, int Left>
  static B bits(B x) {
    const __m512i moved =
        Left >= 0 ? _mm512_slli_epi16(x.v, Left >= 0 ? Left : 0) : _mm512_srli_epi16(x.v, Left < 0 ? -Left : 0);
    return {_mm512_and_si512(moved, _mm512_set1_epi8(static_cast<char>(Mask)))};
  }
  /// The same of words.
  template <int Mask, int Left>
  static B word_bits(B x) {
    const __m512i moved =
        Left >= 0 ? _mm512_slli_epi16(x.v, Left >= 0 ? Left : 0) : _mm512_srli_epi16(x.v, Left < 0 ? -Left : 0);
    return {_mm512_and_si512(moved, _mm512_set1_epi16(static_cast<short>(Mask)))};
  }
  static B add_words(B a, B b) { return {_mm512_add_epi16(a.v, b.v)}; }
  static B words_less(B a, int y) { return {_mm512_sub_epi16(a.v, _mm512_set1_epi16(static_cast<short>(y)))}; }
  static B either(B a, B b) { return {_mm512_or_si512(a.v, b.v)}; }
  static B lookup(const std::uint8_t* table, B index) {
    return {
        _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table))), index.v)};
  }
  static I load_words(const std::int16_t* p) { return {_mm512_load_si512(p)}; }
  static void store_words(std::int16_t* p, I x) { _mm512_store_si512(p, x.v); }
  static B max_words(B a, B b) { return {_mm512_max_epi16(a.v, b.v)}; }
  static I join_words(I low, I high) {
    return {_mm512_mask_blend_epi16(0xaaaaaaaa, low.v, _mm512_slli_epi32(high.v, 16))};
  }
  static I join_words(F low, F high) { return join_words(I{_mm512_castps_si512(low)}, I{_mm512_castps_si512(high)}); }
  static I even_bytes_less(B x, int y) {
    return {_mm512_sub_epi16(_mm512_and_si512(x.v, _mm512_set1_epi16(255)), _mm512_set1_epi16(static_cast<short>(y)))};
  }
  static I odd_bytes_less(B x, int y) {
    return {_mm512_sub_epi16(_mm512_srli_epi16(x.v, 8), _mm512_set1_epi16(static_cast<short>(y)))};
  }
  using Words = std::int16_t[2];
  using Bytes = std::int8_t[4];
  // In assembly, because compilers make the broadcast an instruction of its own: a third fewer are in flight then, and
  // fewer reads from memory with them.
  static I dot_words(I acc, I words, const std::int16_t* two) {
    asm("vpdpwssd %2%{1to16%}, %1, %0" : "+v"(acc.v) : "v"(words.v), "m"(*reinterpret_cast<const Words*>(two)));
    return acc;
  }
  static constexpr int kMostHigh = 127, kMostByteCode = 255;
  static constexpr int pair_sums_that_fit(int, int) { return 1; }
  static I dot(I acc, B codes, const std::int8_t* four) {
    asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(acc.v) : "v"(codes.v), "m"(*reinterpret_cast<const Bytes*>(four)));
    return acc;
  }
};

}  // namespace
}  // namespace ttt::cpu
