#pragma once
// Vector primitives (see linear_kernels_impl.h) without intrinsics: the compiler vectorises what it can for the
// baseline.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "ttt/formats/dequantize.h"

namespace ttt::cpu {
namespace {

struct V {
  struct F {
    float v[16];
  };
  struct I {
    std::int32_t v[16];
  };
  struct B {
    std::uint8_t v[64];
  };
  static constexpr int kTokens = 2;
  static constexpr int kFloatTokens = 2;
  static constexpr int kFloatPanels = 1;
  static constexpr int kPanelsOfOneToken = 1;
  static constexpr bool kTokensInRegisters = false;
  static constexpr int kAttentionTiles = 1;
  static constexpr int kAttentionRows = 4;

  template <class Op>
  static F map(Op op) {
    F r;
    for (int i = 0; i < 16; ++i) r.v[i] = op(i);
    return r;
  }
  static F zero() { return set1(0.0f); }
  static F set1(float x) {
    return map([&](int) { return x; });
  }
  static F load(const float* p) {
    return map([&](int i) { return p[i]; });
  }
  static void store(float* p, F x) { std::memcpy(p, x.v, sizeof x.v); }
  static F add(F a, F b) {
    return map([&](int i) { return a.v[i] + b.v[i]; });
  }
  static F mul(F a, F b) {
    return map([&](int i) { return a.v[i] * b.v[i]; });
  }
  static F div(F a, F b) {
    return map([&](int i) { return a.v[i] / b.v[i]; });
  }
  // Without the FMA instruction std::fma is a slow call: multiply and add, rounded twice.
  static F fma(F a, F b, F c) {
    return map([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
  }
  static F exp(F a) {
    return map([&](int i) { return a.v[i] < -87.0f ? 0.0f : std::exp(a.v[i]); });
  }
  static F max(F a, F b) {
    return map([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static F min(F a, F b) {
    return map([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  static float max_of(F a) {
    float m = a.v[0];
    for (float x : a.v) m = x > m ? x : m;
    return m;
  }
  static F load_f16(const std::byte* p) {
    std::uint16_t h[16];
    std::memcpy(h, p, sizeof h);
    return map([&](int i) { return f16_to_f32(h[i]); });
  }
  static void store_f16(std::uint16_t* p, F x) {
    for (int i = 0; i < 16; ++i) p[i] = f32_to_f16(x.v[i]);
  }
  static F load_bf16(const std::byte* p) {
    std::uint16_t h[16];
    std::memcpy(h, p, sizeof h);
    return map([&](int i) { return std::bit_cast<float>(static_cast<std::uint32_t>(h[i]) << 16); });
  }
  static I load_i8(const std::byte* p) {
    return map_int([&](int i) { return static_cast<std::int8_t>(p[i]); });
  }
  /// Of words [16][even, odd] in bf16.
  static void bf16_pair(B words, F& even, F& odd) {
    std::uint32_t w[16];
    std::memcpy(w, words.v, sizeof w);
    even = map([&](int i) { return std::bit_cast<float>(w[i] << 16); });
    odd = map([&](int i) { return std::bit_cast<float>(w[i] & 0xffff0000u); });
  }
  static void load_bf16_pair(const std::byte* p, F& even, F& odd) { bf16_pair(load_bytes(p), even, odd); }
  static void store_bf16(std::uint16_t* p, F x) {
    for (int i = 0; i < 16; ++i) p[i] = f32_to_bf16(x.v[i]);
  }
  /// Two vectors, their lanes in turn: [16][even, odd] bf16.
  static void store_bf16_pair(std::byte* p, F even, F odd) {
    std::uint16_t halves[16][2];
    for (int i = 0; i < 16; ++i) halves[i][0] = f32_to_bf16(even.v[i]), halves[i][1] = f32_to_bf16(odd.v[i]);
    std::memcpy(p, halves, sizeof halves);
  }
  /// x as a sum of two bf16.
  static void store_split(std::uint16_t* high, std::uint16_t* low, F x) {
    for (int i = 0; i < 16; ++i) {
      high[i] = f32_to_bf16(x.v[i]);
      low[i] = f32_to_bf16(x.v[i] - bf16_to_f32(high[i]));
    }
  }
  /// The same for two vectors, their lanes in turn.
  static void store_split_pair(std::byte* high, std::byte* low, F even, F odd) {
    std::uint16_t h[2][16], l[2][16];
    store_split(h[0], l[0], even);
    store_split(h[1], l[1], odd);
    for (int i = 0; i < 16; ++i)
      for (int k = 0; k < 2; ++k) {
        std::memcpy(high + (2 * i + k) * 2, &h[k][i], 2);
        std::memcpy(low + (2 * i + k) * 2, &l[k][i], 2);
      }
  }
  static I load_u8(const std::byte* p) {
    return map_int([&](int i) { return static_cast<std::uint8_t>(p[i]); });
  }
  static void load_u4_pair(const std::byte* p, I& low, I& high) {
    const I v = load_u8(p);
    low = map_int([&](int i) { return v.v[i] & 15; });
    high = map_int([&](int i) { return v.v[i] >> 4; });
  }
  /// 2^(e - 128), subnormal for e < 2.
  static F load_e8m0(const std::byte* p) {
    return map([&](int i) {
      const auto e = static_cast<std::uint32_t>(p[i]);
      return std::bit_cast<float>(e < 2 ? 0x200000u << e : (e - 1) << 23);
    });
  }
  /// As integers, of which NaN are the largest.
  static float magnitude(F a, F b) {
    std::int32_t most = 0;
    for (int i = 0; i < 16; ++i)
      for (const float x : {a.v[i], b.v[i]}) most = std::max(most, std::bit_cast<std::int32_t>(std::fabs(x)));
    return std::bit_cast<float>(most);
  }
  static F add_neighbours(F a) {
    return map([&](int i) { return a.v[i] + a.v[i ^ 1]; });
  }
  template <class Op>
  static I map_int(Op op) {
    I r;
    for (int i = 0; i < 16; ++i) r.v[i] = op(i);
    return r;
  }
  static I round(F a) {
    constexpr float kTooLarge = 2147483648.0f;
    return map_int([&](int i) {
      const float rounded = std::nearbyint(a.v[i]);
      // As processors do, also of NaN.
      return rounded >= -kTooLarge && rounded < kTooLarge ? static_cast<std::int32_t>(rounded) : INT32_MIN;
    });
  }
  static I set1_int(std::int32_t x) {
    return map_int([&](int) { return x; });
  }
  static I add_int(I a, I b) {
    return map_int([&](int i) { return a.v[i] + b.v[i]; });
  }
  static I sub_int(I a, I b) {
    return map_int([&](int i) { return a.v[i] - b.v[i]; });
  }
  template <int N>
  static I shift_left(I a) {
    // Bits may leave on the left, as on processors: of two numbers in one integer, the upper does.
    return map_int([&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.v[i]) << N); });
  }
  template <int N>
  static I shift_right(I a) {
    return map_int([&](int i) { return a.v[i] >> N; });
  }
  static std::int32_t sum_of(I a) {
    std::int32_t sum = 0;
    for (const std::int32_t i : a.v) sum += i;
    return sum;
  }
  static void store_i16_pairs(std::int16_t* p, I a) {
    for (int i = 0; i < 16; ++i) p[i] = static_cast<std::int16_t>(a.v[i / 4 * 4 + i % 2 * 2 + i % 4 / 2]);
  }
  static void store_i8(std::int8_t* p, I a) {
    for (int i = 0; i < 16; ++i) p[i] = static_cast<std::int8_t>(a.v[i]);
  }
  static F to_float(I a) {
    return map([&](int i) { return static_cast<float>(a.v[i]); });
  }
  static B load_once(const std::byte* p) { return load_bytes(p); }
  static void store_bytes(std::byte* p, B x) { std::memcpy(p, x.v, sizeof x.v); }
  static B load_bytes(const std::byte* p) {
    B r;
    std::memcpy(r.v, p, sizeof r.v);
    return r;
  }
  template <int K>
  static F byte_to_float(B a) {
    return map([&](int i) { return static_cast<float>(a.v[4 * i + K]); });
  }
  static F byte_to_float(B a, int k) {
    return map([&](int i) { return static_cast<float>(a.v[4 * i + k]); });
  }
  /// The bits of Mask, after a shift to the left by Left bits (to the right when negative).
  template <int Mask, int Left>
  static B bits(B a) {
    for (auto& v : a.v)
      v = static_cast<std::uint8_t>((Left >= 0 ? v << (Left >= 0 ? Left : 0) : v >> (Left < 0 ? -Left : 0)) & Mask);
    return a;
  }
  template <class Op>
  static B map_words(B a, B b, Op op) {
    std::uint16_t x[32], y[32];
    std::memcpy(x, a.v, sizeof x);
    std::memcpy(y, b.v, sizeof y);
    for (int i = 0; i < 32; ++i) x[i] = static_cast<std::uint16_t>(op(x[i], y[i]));
    std::memcpy(a.v, x, sizeof x);
    return a;
  }
  /// The same of words.
  template <int Mask, int Left>
  static B word_bits(B a) {
    return map_words(a, a, [](std::uint16_t v, std::uint16_t) {
      return (Left >= 0 ? v << (Left >= 0 ? Left : 0) : v >> (Left < 0 ? -Left : 0)) & Mask;
    });
  }
  static B add_words(B a, B b) {
    return map_words(a, b, [](std::uint16_t x, std::uint16_t y) { return x + y; });
  }
  static B words_less(B a, int y) {
    return map_words(a, a, [y](std::uint16_t x, std::uint16_t) { return x - y; });
  }
  static B max_words(B a, B b) {
    return map_words(a, b, [](std::uint16_t x, std::uint16_t y) {
      return std::max(static_cast<std::int16_t>(x), static_cast<std::int16_t>(y));
    });
  }
  static B either(B a, B b) {
    for (int i = 0; i < 64; ++i) a.v[i] |= b.v[i];
    return a;
  }
  static B lookup(const std::uint8_t* table, B index) {
    for (auto& v : index.v) v = table[v];
    return index;
  }
  /// A lane's two words.
  static std::int32_t words_of(int low, int high) {
    return static_cast<std::int32_t>((static_cast<std::uint32_t>(high) << 16) |
                                     (static_cast<std::uint32_t>(low) & 0xffff));
  }
  static I join_words(I low, I high) {
    return map_int([&](int i) { return words_of(low.v[i], high.v[i]); });
  }
  static I join_words(F low, F high) { return join_words(std::bit_cast<I>(low), std::bit_cast<I>(high)); }
  static I load_words(const std::int16_t* p) {
    return map_int([&](int i) { return words_of(p[2 * i], p[2 * i + 1]); });
  }
  static void store_words(std::int16_t* p, I x) {
    for (int i = 0; i < 16; ++i) {
      p[2 * i] = static_cast<std::int16_t>(x.v[i]);
      p[2 * i + 1] = static_cast<std::int16_t>(x.v[i] >> 16);
    }
  }
  static I even_bytes_less(B x, int y) {
    return map_int([&](int i) { return words_of(x.v[4 * i] - y, x.v[4 * i + 2] - y); });
  }
  static I odd_bytes_less(B x, int y) {
    return map_int([&](int i) { return words_of(x.v[4 * i + 1] - y, x.v[4 * i + 3] - y); });
  }
  /// Wraps, as processors do: words that stand for NaN may be any.
  static I dot_words(I acc, I words, const std::int16_t* two) {
    return map_int([&](int i) {
      const int low = static_cast<std::int16_t>(words.v[i]) * two[0], high = (words.v[i] >> 16) * two[1];
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(acc.v[i]) + static_cast<std::uint32_t>(low) +
                                       static_cast<std::uint32_t>(high));
    });
  }
  static constexpr int kMostHigh = 127, kMostByteCode = 255;
  static constexpr int pair_sums_that_fit(int, int) { return 1; }
  static I dot(I acc, B codes, const std::int8_t* four) {
    for (int i = 0; i < 16; ++i)
      for (int k = 0; k < 4; ++k) acc.v[i] += codes.v[4 * i + k] * four[k];
    return acc;
  }
};

}  // namespace
}  // namespace ttt::cpu
