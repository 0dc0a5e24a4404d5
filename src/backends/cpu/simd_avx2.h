#pragma once
// Vector primitives (see linear_kernels_impl.h) for AVX2 with FMA and F16C: 16 lanes are two registers.
#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace ttt::cpu {
namespace {

struct Avx2 {
  struct F {
    __m256 a, b;
  };
  struct I {
    __m256i a, b;
  };
  struct B {
    __m256i a, b;
  };
  static constexpr int kTokens = 4;
  static constexpr int kFloatTokens = 6;  // twelve chains of additions: an FMA takes 4 cycles, and 2 start in each
  static constexpr int kFloatPanels = 1;
  static constexpr int kPanelsOfOneToken = 4;
  static constexpr bool kTokensInRegisters = false;
  static constexpr int kAttentionTiles = 1;
  static constexpr int kAttentionRows = 6;  // likewise

  static F zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static F set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static void store(float* p, F x) {
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
  }
  static F add(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
  static F mul(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
  static F div(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
  static F fma(F x, F y, F z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
  static F max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
  static F min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
  static float max_of(F x) {
    alignas(32) float v[8];
    _mm256_store_ps(v, _mm256_max_ps(x.a, x.b));
    float m = v[0];
    for (float f : v) m = f > m ? f : m;
    return m;
  }
  /// Of 8 lanes, combine(x, y) takes two halves to one.
  template <class Combine>
  static std::int32_t reduce(__m256i v, Combine combine) {
    __m128i x = combine(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    x = combine(x, _mm_shuffle_epi32(x, 0x4e));
    return _mm_cvtsi128_si32(combine(x, _mm_shuffle_epi32(x, 0xb1)));
  }
  /// exp by 2^n * p(r), |r| <= ln2/2; relative error about 2e-7; 0 below -87, infinite above 88.37.
  static __m256 exp8(__m256 x) {
    x = _mm256_max_ps(_mm256_set1_ps(-104.0f), _mm256_min_ps(_mm256_set1_ps(89.0f), x));
    const __m256 n =
        _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693145752f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(1.42860677e-6f), r);
    __m256 p = _mm256_set1_ps(1.0f / 720);
    for (const float c : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
      p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(c));
    const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    const __m256 tiny = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0f), _CMP_LT_OQ);
    return _mm256_andnot_ps(tiny, _mm256_mul_ps(p, _mm256_castsi256_ps(exponent)));
  }
  static F exp(F x) { return {exp8(x.a), exp8(x.b)}; }
  static F load_f16(const std::byte* p) {
    const auto* h = reinterpret_cast<const __m128i*>(p);
    return {_mm256_cvtph_ps(_mm_loadu_si128(h)), _mm256_cvtph_ps(_mm_loadu_si128(h + 1))};
  }
  static void store_f16(std::uint16_t* p, F x) {
    auto* h = reinterpret_cast<__m128i*>(p);
    _mm_storeu_si128(h, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    _mm_storeu_si128(h + 1, _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static F load_bf16(const std::byte* p) {
    const auto* h = reinterpret_cast<const __m128i*>(p);
    const auto widen = [](__m128i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16)); };
    return {widen(_mm_loadu_si128(h)), widen(_mm_loadu_si128(h + 1))};
  }
  static I load_i8(const std::byte* p) {
    const auto* v = reinterpret_cast<const __m128i*>(p);
    return {_mm256_cvtepi8_epi32(_mm_loadl_epi64(v)),
            _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  /// Of words [16][even, odd] in bf16.
  static void bf16_pair(B w, F& even, F& odd) {
    const __m256i high = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
    even = {_mm256_castsi256_ps(_mm256_slli_epi32(w.a, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(w.b, 16))};
    odd = {_mm256_castsi256_ps(_mm256_and_si256(w.a, high)), _mm256_castsi256_ps(_mm256_and_si256(w.b, high))};
  }
  static void load_bf16_pair(const std::byte* p, F& even, F& odd) { bf16_pair(load_bytes(p), even, odd); }
  static I load_u8(const std::byte* p) {
    const auto* v = reinterpret_cast<const __m128i*>(p);
    return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(v)),
            _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  static void load_u4_pair(const std::byte* p, I& low, I& high) {
    const I v = load_u8(p);
    const __m256i mask = _mm256_set1_epi32(15);
    low = {_mm256_and_si256(v.a, mask), _mm256_and_si256(v.b, mask)};
    high = {_mm256_srli_epi32(v.a, 4), _mm256_srli_epi32(v.b, 4)};
  }
  /// 2^(e - 128), subnormal for e < 2.
  static F load_e8m0(const std::byte* p) {
    const auto power = [](__m256i e) {
      const __m256i one = _mm256_set1_epi32(1), normal = _mm256_slli_epi32(_mm256_sub_epi32(e, one), 23);
      const __m256i small = _mm256_sllv_epi32(_mm256_set1_epi32(0x200000), _mm256_min_epi32(e, one));
      return _mm256_castsi256_ps(_mm256_max_epi32(normal, small));
    };
    const I e = load_u8(p);
    return {power(e.a), power(e.b)};
  }
  /// As integers, of which NaN are the largest.
  static float magnitude(F x, F y) {
    const auto bits = [](__m256 v) { return _mm256_castps_si256(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), v)); };
    const __m256i most =
        _mm256_max_epi32(_mm256_max_epi32(bits(x.a), bits(x.b)), _mm256_max_epi32(bits(y.a), bits(y.b)));
    return std::bit_cast<float>(reduce(most, [](__m128i v, __m128i w) { return _mm_max_epi32(v, w); }));
  }
  static F add_neighbours(F x) {
    const auto sum = [](__m256 v) { return _mm256_add_ps(v, _mm256_permute_ps(v, 0xb1)); };
    return {sum(x.a), sum(x.b)};
  }
  static I round(F x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
  static I set1_int(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static I add_int(I x, I y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
  static I sub_int(I x, I y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
  template <int N>
  static I shift_left(I x) {
    return {_mm256_slli_epi32(x.a, N), _mm256_slli_epi32(x.b, N)};
  }
  template <int N>
  static I shift_right(I x) {
    return {_mm256_srai_epi32(x.a, N), _mm256_srai_epi32(x.b, N)};
  }
  static std::int32_t sum_of(I x) {
    return reduce(_mm256_add_epi32(x.a, x.b), [](__m128i v, __m128i w) { return _mm_add_epi32(v, w); });
  }
  static void store_i16_pairs(std::int16_t* p, I x) {
    const auto paired = [](__m256i v) { return _mm256_shuffle_epi32(v, 0xd8); };
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm256_permute4x64_epi64(_mm256_packs_epi32(paired(x.a), paired(x.b)), 0xd8));
  }
  static void store_i8(std::int8_t* p, I x) {
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xd8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }
  static F to_float(I x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
  static B load_bytes(const std::byte* p) {
    const auto* v = reinterpret_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)};
  }
  static B load_once(const std::byte* p) { return load_bytes(p); }
  static void store_bytes(std::byte* p, B x) {
    auto* v = reinterpret_cast<__m256i*>(p);
    _mm256_store_si256(v, x.a);
    _mm256_store_si256(v + 1, x.b);
  }
  template <int K>
  static F byte_to_float(B x) {
    const __m256i mask = _mm256_set1_epi32(255);
    return to_float(
        {_mm256_and_si256(_mm256_srli_epi32(x.a, 8 * K), mask), _mm256_and_si256(_mm256_srli_epi32(x.b, 8 * K), mask)});
  }
  static F byte_to_float(B x, int k) {
    const __m128i right = _mm_cvtsi32_si128(8 * k);
    const __m256i mask = _mm256_set1_epi32(255);
    return to_float(
        {_mm256_and_si256(_mm256_srl_epi32(x.a, right), mask), _mm256_and_si256(_mm256_srl_epi32(x.b, right), mask)});
  }
  /// The bits of Mask, after a shift to the left by Left bits (to the right when negative).
  template <int Mask, int Left>
  static B bits(B x) {
    const auto moved = [](__m256i v) {
      return Left >= 0 ? _mm256_slli_epi16(v, Left >= 0 ? Left : 0) : _mm256_srli_epi16(v, Left < 0 ? -Left : 0);
    };
    const __m256i mask = _mm256_set1_epi8(static_cast<char>(Mask));
    return {_mm256_and_si256(moved(x.a), mask), _mm256_and_si256(moved(x.b), mask)};
  }
  /// The same of words.
  template <int Mask, int Left>
  static B word_bits(B x) {
    const auto moved = [](__m256i v) {
      return Left >= 0 ? _mm256_slli_epi16(v, Left >= 0 ? Left : 0) : _mm256_srli_epi16(v, Left < 0 ? -Left : 0);
    };
    const __m256i mask = _mm256_set1_epi16(static_cast<short>(Mask));
    return {_mm256_and_si256(moved(x.a), mask), _mm256_and_si256(moved(x.b), mask)};
  }
  static B add_words(B x, B y) { return {_mm256_add_epi16(x.a, y.a), _mm256_add_epi16(x.b, y.b)}; }
  static B words_less(B x, int y) {
    const __m256i less = _mm256_set1_epi16(static_cast<short>(y));
    return {_mm256_sub_epi16(x.a, less), _mm256_sub_epi16(x.b, less)};
  }
  static B either(B x, B y) { return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)}; }
  static B lookup(const std::uint8_t* table, B index) {
    const __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
    return {_mm256_shuffle_epi8(t, index.a), _mm256_shuffle_epi8(t, index.b)};
  }
  /// Four bytes in all lanes.
  template <class T>
  static __m256i broadcast(const T* four) {
    std::int32_t bits;
    std::memcpy(&bits, four, sizeof bits);
    return _mm256_set1_epi32(bits);
  }
  /// maddubs saturates at 2^15: two products of 255 and 64, of 127 and 127, or of 255 and bytes whose sum is 128, stay
  /// below.
  static constexpr int kMostHigh = 64, kMostByteCode = 127;
  static constexpr int pair_sums_that_fit(int max_code, int most) { return 32767 / (2 * max_code * most); }
  /// 32 sums of two products each, in 16 bits.
  static I pair_products(B codes, const std::int8_t* four) {
    const __m256i x = broadcast(four);
    return {_mm256_maddubs_epi16(codes.a, x), _mm256_maddubs_epi16(codes.b, x)};
  }
  static I add_pairs(I x, I y) { return {_mm256_add_epi16(x.a, y.a), _mm256_add_epi16(x.b, y.b)}; }
  static I widen_pairs(I x) {
    const __m256i ones = _mm256_set1_epi16(1);
    return multiply_words(x, {ones, ones});
  }
  /// Lane sums of 2 words times 2 words.
  static I multiply_words(I x, I y) { return {_mm256_madd_epi16(x.a, y.a), _mm256_madd_epi16(x.b, y.b)}; }
  static I load_words(const std::int16_t* p) {
    const auto* v = reinterpret_cast<const __m256i*>(p);
    return {_mm256_load_si256(v), _mm256_load_si256(v + 1)};
  }
  static void store_words(std::int16_t* p, I x) {
    auto* v = reinterpret_cast<__m256i*>(p);
    _mm256_store_si256(v, x.a);
    _mm256_store_si256(v + 1, x.b);
  }
  static B max_words(B x, B y) { return {_mm256_max_epi16(x.a, y.a), _mm256_max_epi16(x.b, y.b)}; }
  static I join_words(I low, I high) {
    const auto join = [](__m256i x, __m256i y) { return _mm256_blend_epi16(x, _mm256_slli_epi32(y, 16), 0xaa); };
    return {join(low.a, high.a), join(low.b, high.b)};
  }
  static I join_words(F low, F high) {
    const auto bits = [](F x) { return I{_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; };
    return join_words(bits(low), bits(high));
  }
  static I even_bytes_less(B x, int y) {
    const __m256i mask = _mm256_set1_epi16(255), less = _mm256_set1_epi16(static_cast<short>(y));
    return {_mm256_sub_epi16(_mm256_and_si256(x.a, mask), less), _mm256_sub_epi16(_mm256_and_si256(x.b, mask), less)};
  }
  static I odd_bytes_less(B x, int y) {
    const __m256i less = _mm256_set1_epi16(static_cast<short>(y));
    return {_mm256_sub_epi16(_mm256_srli_epi16(x.a, 8), less), _mm256_sub_epi16(_mm256_srli_epi16(x.b, 8), less)};
  }
  static I dot_words(I acc, I words, const std::int16_t* two) {
    const __m256i x = broadcast(two);
    return add_int(acc, multiply_words(words, {x, x}));
  }
  static I dot(I acc, B codes, const std::int8_t* four) {
    return add_int(acc, widen_pairs(pair_products(codes, four)));
  }
};

}  // namespace
}  // namespace ttt::cpu
