// The kernels of linear_kernels.h written once over a level's vector primitives. Included by one source per level,
// after it has defined, in an unnamed namespace, a struct `V` with:
//   F   16 f32 lanes: zero, set1, load, store, load_f16, load_u8, load_i8, load_u4_pair(p, low, high), load_e8m0,
//       load_bf16_pair(p, even, odd), add, mul, div, fma, exp, max_of, abs_max(x, y), round
//   I   16 i32 lanes: to_float, add_int, sub_int, set1_int, shift_left<n>, shift_right<n>, sum_of, store_i8
//   B   16 lanes of 4 bytes: load_bytes, store_bytes, add_bytes, low_nibbles, high_nibbles, bits<mask, left>, either,
//   lookup, byte_to_float<k> dot(I, B codes, p): lane sums of 4 unsigned codes times the 4 signed bytes at p kMostHigh:
//   the largest |byte| at p that dot takes without overflow
#include <algorithm>
#include <cmath>
#include <cstring>

#include "linear_kernels.h"
#include "panel_codes_impl.h"

namespace ttt::cpu {
namespace {

using F = V::F;
using std::integral_constant;

template <int P, int T>
struct Tile {
  F sum[P][T];
  Tile() {
    for (auto& panel : sum)
      for (auto& s : panel) s = V::zero();
  }
  void store(float* out, std::int64_t stride) const {
    for (int p = 0; p < P; ++p)
      for (int t = 0; t < T; ++t) V::store(out + t * stride + p * kPanelRows, sum[p][t]);
  }
  /// sum[p][*] += w * x[*][k]
  void accumulate(int p, F w, const float* x, std::int64_t x_stride) {
    for (int t = 0; t < T; ++t) sum[p][t] = V::fma(w, V::set1(x[t * x_stride]), sum[p][t]);
  }
};

template <int P>
struct Panels {
  const std::byte* p[P];
  explicit Panels(const PanelRange& w) {
    for (int i = 0; i < P; ++i) p[i] = w.data + static_cast<std::size_t>(i) * w.layout.panel_bytes();
  }
};

template <PanelKind K, int P, int T>
void plain_float(const PanelRange& w, const float* x, std::int64_t xs, float* out, std::int64_t stride) {
  const Panels<P> panels(w);
  const std::int64_t cols = w.layout.cols;
  Tile<P, T> tile;
  if constexpr (K == PanelKind::bf16) {
    for (std::int64_t k = 0; k < cols; k += 2)
      for (int p = 0; p < P; ++p) {
        F even, odd;
        V::load_bf16_pair(panels.p[p] + k * kPanelRows * 2, even, odd);
        tile.accumulate(p, even, x + k, xs);
        if (k + 1 < cols) tile.accumulate(p, odd, x + k + 1, xs);
      }
  } else {
    for (std::int64_t k = 0; k < cols; ++k)
      for (int p = 0; p < P; ++p) {
        if constexpr (K == PanelKind::f32)
          tile.accumulate(p, V::load(reinterpret_cast<const float*>(panels.p[p]) + k * kPanelRows), x + k, xs);
        else
          tile.accumulate(p, V::load_f16(panels.p[p] + k * kPanelRows * 2), x + k, xs);
      }
  }
  tile.store(out, stride);
}

/// acc[t] += quads times token t's bytes at x. Where the level multiplies into 16 bits, as many products as fit into
/// them are added there before they are widened.
template <int MaxCode, class Level, int N, int T>
inline __attribute__((always_inline)) void add_dots(V::I (&acc)[T], const V::B (&quads)[N], const std::int8_t* x) {
  constexpr int kFit = Level::pair_sums_that_fit(MaxCode);
  if constexpr (kFit > 1) {
    V::I pairs[T];
    unroll<N>([&](auto j) {
      for (int t = 0; t < T; ++t) {
        const V::I products = Level::pair_products(quads[j], x + (j * T + t) * 4);
        pairs[t] = j % kFit == 0 ? products : Level::add_pairs(pairs[t], products);
        if (j % kFit == kFit - 1 || j == N - 1) acc[t] = V::add_int(acc[t], Level::widen_pairs(pairs[t]));
      }
    });
  } else {
    unroll<N>([&](auto j) {
      for (int t = 0; t < T; ++t) acc[t] = V::dot(acc[t], quads[j], x + (j * T + t) * 4);
    });
  }
}

/// A group's codes, of at most MaxCode, scales and offsets times a tile of tokens. Per subgroup: high parts, times 128,
/// plus low parts, less the zero. `quad(j)` gives the codes of quad j.
template <int ZeroLog2, int MaxCode, int Subs, int T, class Quad>
inline __attribute__((always_inline)) void integer_group(Quad quad, const F* scale, const F* offset,
                                                         const QuantizedRows& x, std::int64_t g, F (&sum)[T]) {
  constexpr int kSubQuads = kQuads / Subs;
  const std::int8_t* x_codes = x.codes + g * T * QuantizedRows::kCodeBytes;
  unroll<Subs>([&](auto s) {
    V::B quads[kSubQuads];
    unroll<kSubQuads>([&](auto j) { quads[j] = quad(integral_constant<int, s * kSubQuads + j>{}); });
    V::I acc[T];
    for (int t = 0; t < T; ++t) acc[t] = V::set1_int(0);
    const std::int8_t* high = x_codes + s * kSubQuads * T * 4;
    add_dots<MaxCode, V>(acc, quads, high);
    const std::int64_t sums = (g * QuantizedRows::kSums + (Subs == 1 ? 2 : s)) * T;
    for (int t = 0; t < T; ++t) {
      if constexpr (ZeroLog2 < 0)
        acc[t] = V::template shift_left<7>(acc[t]);
      else
        acc[t] = V::template shift_left<ZeroLog2>(
            V::sub_int(V::template shift_left<7 - ZeroLog2>(acc[t]), V::set1_int(x.sums[sums + t])));
    }
    add_dots<MaxCode, V>(acc, quads, high + kQuads * T * 4);
    for (int t = 0; t < T; ++t) {
      sum[t] = V::fma(V::to_float(acc[t]), V::mul(scale[s], V::set1(x.scales[g * T + t])), sum[t]);
      if constexpr (ZeroLog2 < 0) sum[t] = V::fma(offset[s], V::set1(x.scaled_sums[sums + t]), sum[t]);
    }
  });
}

/// How far ahead of its use a row's memory is asked for: beyond a panel's end lies the next one.
constexpr std::size_t kPrefetchBytes = 1024;

/// One panel for one token, straight from its codes.
template <PanelKind K>
void integer_row(const std::byte* panel, const QuantizedRows& x, float* out) {
  constexpr IntegerKind kind = integer_kind(K);
  Tile<1, 1> tile;
  for_each_group<K>(x.groups, [&](std::int64_t g, std::size_t header, std::size_t codes, int in_block) {
    const GroupScales<K> scales(panel + header, in_block);
    const auto quad = [&](auto j) { return quad_codes<K, j>(panel + codes); };
    for (std::size_t at = 0; at < kind.code_bytes(); at += 64) __builtin_prefetch(panel + codes + kPrefetchBytes + at);
    integer_group<kind.zero_log2, kind.max_code(), kind.subgroups(), 1>(quad, scales.scale, scales.offset, x, g,
                                                                        tile.sum[0]);
  });
  tile.store(out, 0);
}

/// One panel for a tile of tokens, from bytes and f32 scales.
template <bool Offset, int Subs, int T>
void integer_tile(const UnpackedPanel& w, const QuantizedRows& x, float* out, std::int64_t stride) {
  Tile<1, T> tile;
  for (std::int64_t g = 0; g < x.groups; ++g) {
    F scale[Subs], offset[Subs];
    for (int s = 0; s < Subs; ++s) {
      scale[s] = V::load(w.scales + (g * Subs + s) * kPanelRows);
      if constexpr (Offset) offset[s] = V::load(w.offsets + (g * Subs + s) * kPanelRows);
    }
    const auto quad = [&](auto j) { return V::load_bytes(w.codes + (g * kQuads + j) * 64); };
    // Codes with an offset have 5 bits at most, and are unpacked as they are.
    integer_group<Offset ? -1 : kUnpackedZeroLog2, Offset ? 31 : 255, Subs, T>(quad, scale, offset, x, g, tile.sum[0]);
  }
  tile.store(out, stride);
}

/// Tiles: 4 panels of floats for one token, so that four chains of additions overlap; 1 panel for several tokens, which
/// share its decoding.
constexpr int kPanels = 4, kTokens = V::kTokens;

/// Cuts tokens into tiles: calls f(integral_constant T, first token).
template <class F>
void for_each_token_tile(int tokens, F f) {
  for (int t = 0; t < tokens;) {
    const int count = tile_tokens(tokens - t, kTokens);
    if (count == 8) {
      if constexpr (kTokens == 8) f(integral_constant<int, 8>{}, t);
    } else if (count == 4) {
      f(integral_constant<int, 4>{}, t);
    } else if (count == 2) {
      f(integral_constant<int, 2>{}, t);
    } else {
      f(integral_constant<int, 1>{}, t);
    }
    t += count;
  }
}

PanelRange one_panel(const PanelRange& w, int panel) {
  return {w.layout, w.data + static_cast<std::size_t>(panel) * w.layout.panel_bytes(), 1};
}

template <PanelKind K>
void plain_products(const PanelRange& w, const float* x, std::int64_t xs, int tokens, float* out, std::int64_t stride) {
  if (tokens == 1 && w.count == kPanels) return plain_float<K, kPanels, 1>(w, x, xs, out, stride);
  for (int p = 0; p < w.count; ++p)
    for_each_token_tile(tokens, [&](auto count, int t) {
      plain_float<K, 1, count>(one_panel(w, p), x + t * xs, xs, out + t * stride + p * kPanelRows, stride);
    });
}

void float_products(const PanelRange& w, const float* x, std::int64_t xs, int tokens, float* out, std::int64_t stride) {
  const PanelLayout& l = w.layout;
  switch (l.kind) {
    case PanelKind::f32:
      return plain_products<PanelKind::f32>(w, x, xs, tokens, out, stride);
    case PanelKind::f16:
      return plain_products<PanelKind::f16>(w, x, xs, tokens, out, stride);
    case PanelKind::bf16:
      return plain_products<PanelKind::bf16>(w, x, xs, tokens, out, stride);
    default:
      break;
  }
  const PanelLayout decoded{PanelKind::f32, l.rows, l.cols};
  std::byte* panels = panel_scratch(static_cast<std::size_t>(w.count) * decoded.panel_bytes());
  for (int p = 0; p < w.count; ++p)
    with_integer_kind(l.kind, [&](auto kind) {
      unpack_floats<kind>(one_panel(w, p).data, l.groups(),
                          reinterpret_cast<float*>(panels + static_cast<std::size_t>(p) * decoded.panel_bytes()));
    });
  plain_products<PanelKind::f32>({decoded, panels, w.count}, x, xs, tokens, out, stride);
}

void integer_products(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                      std::int64_t stride) {
  with_integer_kind(w.layout.kind, [&](auto k) {
    if (tokens == 1) {
      // One after the other: memory is read as one stream.
      for (int p = 0; p < w.count; ++p) integer_row<k>(one_panel(w, p).data, x.tile(first_token), out + p * kPanelRows);
      return;
    }
    constexpr IntegerKind kind = integer_kind(k);
    for (int p = 0; p < w.count; ++p) {
      const UnpackedPanel panel = unpack_codes<k>(one_panel(w, p).data, x.groups);
      for_each_token_tile(tokens, [&](auto count, int t) {
        integer_tile<kind.has_offset(), kind.subgroups(), count>(panel, x.tile(first_token + t),
                                                                 out + t * stride + p * kPanelRows, stride);
      });
    }
  });
}

void quantize_row(const float* x, std::int64_t cols, const QuantizedRows& tile, int token, int tokens) {
  constexpr float kMost = V::kMostHigh * 128;
  for (std::int64_t g = 0; g < tile.groups; ++g) {
    float padded[kGroup] = {};
    const float* values = x + g * kGroup;
    if (const std::int64_t n = cols - g * kGroup; n < kGroup) values = std::copy_n(values, n, padded) - n;
    const F first = V::load(values), second = V::load(values + 16);
    const float most = V::max_of(V::abs_max(first, second));
    // A group so small that its inverse overflows counts as zero.
    const F inverse = V::set1(most > 1e-30f ? kMost / most : 0.0f);
    // High bytes, then low ones.
    alignas(64) std::int8_t bytes[2 * kGroup];
    std::int32_t half_sums[2];
    for (int half = 0; half < 2; ++half) {
      const V::I code = V::round(V::mul(half == 0 ? first : second, inverse));
      const V::I high = V::template shift_right<7>(V::add_int(code, V::set1_int(64)));
      V::store_i8(bytes + half * 16, high);
      V::store_i8(bytes + kGroup + half * 16, V::sub_int(code, V::template shift_left<7>(high)));
      half_sums[half] = V::sum_of(code);
    }
    std::int8_t* codes = tile.codes + g * tokens * QuantizedRows::kCodeBytes + token * 4;
    for (int quad = 0; quad < 2 * kQuads; ++quad) std::memcpy(codes + quad * tokens * 4, bytes + quad * 4, 4);
    const float scale = most / kMost;
    tile.scales[g * tokens + token] = scale;
    const std::int32_t sums[3] = {half_sums[0], half_sums[1], half_sums[0] + half_sums[1]};
    for (int i = 0; i < 3; ++i) {
      const std::int64_t at = (g * QuantizedRows::kSums + i) * tokens + token;
      tile.sums[at] = sums[i];
      tile.scaled_sums[at] = scale * static_cast<float>(sums[i]);
    }
  }
}

F sigmoid(F x) { return V::div(V::set1(1.0f), V::add(V::set1(1.0f), V::exp(V::mul(x, V::set1(-1.0f))))); }

F gelu_tanh(F x) {
  // 0.5 (1 + tanh(u)) is sigmoid(2u).
  const F cube = V::mul(V::mul(x, x), x);
  return V::mul(x, sigmoid(V::mul(V::set1(2 * 0.7978845608f), V::fma(V::set1(0.044715f), cube, x))));
}

void activate_row(Activation activation, float* v, std::int64_t count) {
  if (activation == Activation::none) return;
  std::int64_t i = 0;
  if (activation == Activation::silu)
    for (; i + 16 <= count; i += 16) V::store(v + i, V::mul(V::load(v + i), sigmoid(V::load(v + i))));
  if (activation == Activation::gelu_tanh)
    for (; i + 16 <= count; i += 16) V::store(v + i, gelu_tanh(V::load(v + i)));
  for (; i < count; ++i) v[i] = activate(activation, v[i]);
}

const LinearKernels kKernels{kPanels, kTokens, quantize_row, float_products, integer_products, activate_row};

}  // namespace
}  // namespace ttt::cpu
