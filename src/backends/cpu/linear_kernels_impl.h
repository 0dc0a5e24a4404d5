// The kernels of linear_kernels.h written once over a level's vector primitives. Included by one source per level, after
// it has defined, in an unnamed namespace, a struct `V` with:
//   F   16 f32 lanes: zero, set1, load, store, load_f16, load_bf16_pair(p, even, odd), add, mul, fma, exp
//   I   16 i32 lanes: iset1, to_float, times_128_plus
//   B   16 lanes of 4 bytes: load_bytes, low_nibbles, high_nibbles, byte_to_float<k>
//   dot(I, B codes, int32 x4): lane sums of 4 unsigned codes times 4 signed bytes
#include <algorithm>
#include <cmath>
#include <cstring>

#include "linear_kernels.h"

namespace ttt::cpu {
namespace {

using F = V::F;
constexpr std::size_t kScaleBytes = kPanelRows * 2;

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
  Panels(const CpuPackedMatrix& w, std::int64_t first) {
    for (int i = 0; i < P; ++i) p[i] = w.panel(first + i);
  }
};

template <int P, int T>
void plain_float(const CpuPackedMatrix& w, std::int64_t first, const float* x, std::int64_t xs, float* out, std::int64_t stride) {
  const Panels<P> panels(w, first);
  const std::int64_t cols = w.layout().cols;
  Tile<P, T> tile;
  if (w.layout().kind == PanelKind::f32) {
    for (std::int64_t k = 0; k < cols; ++k)
      for (int p = 0; p < P; ++p) tile.accumulate(p, V::load(reinterpret_cast<const float*>(panels.p[p]) + k * kPanelRows), x + k, xs);
  } else if (w.layout().kind == PanelKind::f16) {
    for (std::int64_t k = 0; k < cols; ++k)
      for (int p = 0; p < P; ++p) tile.accumulate(p, V::load_f16(panels.p[p] + k * kPanelRows * 2), x + k, xs);
  } else {
    for (std::int64_t k = 0; k < cols; k += 2)
      for (int p = 0; p < P; ++p) {
        F even, odd;
        V::load_bf16_pair(panels.p[p] + k * kPanelRows * 2, even, odd);
        tile.accumulate(p, even, x + k, xs);
        if (k + 1 < cols) tile.accumulate(p, odd, x + k + 1, xs);
      }
  }
  tile.store(out, stride);
}

/// Decodes four columns of a group and accumulates them, in order of k.
template <bool Offset, int P, int T>
void accumulate_bytes(Tile<P, T>& tile, int p, V::B codes, F scale, F offset, const float* x, std::int64_t xs, std::int64_t count) {
  const auto value = [&](F code) { return Offset ? V::fma(scale, code, offset) : V::mul(scale, V::add(code, offset)); };
  if (count > 0) tile.accumulate(p, value(V::byte_to_float<0>(codes)), x, xs);
  if (count > 1) tile.accumulate(p, value(V::byte_to_float<1>(codes)), x + 1, xs);
  if (count > 2) tile.accumulate(p, value(V::byte_to_float<2>(codes)), x + 2, xs);
  if (count > 3) tile.accumulate(p, value(V::byte_to_float<3>(codes)), x + 3, xs);
}

template <bool U4, bool Offset, int P, int T>
void decoded_float(const CpuPackedMatrix& w, std::int64_t first, const float* x, std::int64_t xs, float* out, std::int64_t stride) {
  const Panels<P> panels(w, first);
  const auto& l = w.layout();
  constexpr int kCodeBytes = kGroup * kPanelRows / (U4 ? 2 : 1);
  const std::size_t group_bytes = l.group_bytes();
  const F minus_zero = V::set1(static_cast<float>(-l.zero));
  Tile<P, T> tile;
  for (std::int64_t g = 0; g < l.groups(); ++g)
    for (int p = 0; p < P; ++p) {
      const std::byte* group = panels.p[p] + static_cast<std::size_t>(g) * group_bytes;
      const F scale = V::load_f16(group + kCodeBytes);
      const F offset = Offset ? V::load_f16(group + kCodeBytes + kScaleBytes) : minus_zero;
      for (int c = 0; c < kGroup; c += U4 ? 8 : 4) {
        const std::int64_t k = g * kGroup + c;
        const V::B codes = V::load_bytes(group + (U4 ? c / 8 : c / 4) * 64);
        accumulate_bytes<Offset>(tile, p, U4 ? V::low_nibbles(codes) : codes, scale, offset, x + k, xs, l.cols - k);
        if (U4) accumulate_bytes<Offset>(tile, p, V::high_nibbles(codes), scale, offset, x + k + 4, xs, l.cols - k - 4);
      }
    }
  tile.store(out, stride);
}

std::int32_t load_four(const std::int8_t* codes) {
  std::int32_t four;
  std::memcpy(&four, codes, sizeof four);
  return four;
}

template <bool U4, bool Offset, int P, int T>
void integer_tile(const CpuPackedMatrix& w, std::int64_t first, const QuantizedRows& x, std::int64_t first_token, float* out,
                  std::int64_t stride) {
  const Panels<P> panels(w, first);
  const auto& l = w.layout();
  constexpr int kCodeBytes = kGroup * kPanelRows / (U4 ? 2 : 1);
  const std::size_t group_bytes = l.group_bytes();
  const std::int8_t* codes[T];
  for (int t = 0; t < T; ++t) codes[t] = x.codes + (first_token + t) * x.groups * 2 * kGroup;
  Tile<P, T> tile;
  for (std::int64_t g = 0; g < l.groups(); ++g)
    for (int p = 0; p < P; ++p) {
      const std::byte* group = panels.p[p] + static_cast<std::size_t>(g) * group_bytes;
      V::I high[T], low[T];
      for (int t = 0; t < T; ++t) {
        high[t] = V::iset1(0);
        low[t] = V::iset1(Offset ? 0 : -l.zero * x.sums[(first_token + t) * x.groups + g]);
      }
      for (int c = 0; c < kGroup; c += U4 ? 8 : 4) {
        const V::B stored = V::load_bytes(group + (U4 ? c / 8 : c / 4) * 64);
        const V::B first_four = U4 ? V::low_nibbles(stored) : stored, next_four = U4 ? V::high_nibbles(stored) : stored;
        for (int t = 0; t < T; ++t) {
          const std::int8_t* x_codes = codes[t] + g * 2 * kGroup + c;
          high[t] = V::dot(high[t], first_four, load_four(x_codes));
          low[t] = V::dot(low[t], first_four, load_four(x_codes + kGroup));
          if (U4) {
            high[t] = V::dot(high[t], next_four, load_four(x_codes + 4));
            low[t] = V::dot(low[t], next_four, load_four(x_codes + kGroup + 4));
          }
        }
      }
      const F scale = V::load_f16(group + kCodeBytes);
      for (int t = 0; t < T; ++t) {
        const std::int64_t at = (first_token + t) * x.groups + g;
        const F x_scale = V::set1(x.scales[at]);
        tile.sum[p][t] = V::fma(V::to_float(V::times_128_plus(high[t], low[t])), V::mul(scale, x_scale), tile.sum[p][t]);
        if (Offset) {
          const F offset = V::load_f16(group + kCodeBytes + kScaleBytes);
          tile.sum[p][t] = V::fma(offset, V::mul(x_scale, V::set1(static_cast<float>(x.sums[at]))), tile.sum[p][t]);
        }
      }
    }
  tile.store(out, stride);
}

template <int P, int T>
void float_tile(const CpuPackedMatrix& w, std::int64_t first, const float* x, std::int64_t xs, float* out, std::int64_t stride) {
  switch (w.layout().kind) {
    case PanelKind::u4: return decoded_float<true, false, P, T>(w, first, x, xs, out, stride);
    case PanelKind::u4_offset: return decoded_float<true, true, P, T>(w, first, x, xs, out, stride);
    case PanelKind::u8: return decoded_float<false, false, P, T>(w, first, x, xs, out, stride);
    case PanelKind::u8_offset: return decoded_float<false, true, P, T>(w, first, x, xs, out, stride);
    default: return plain_float<P, T>(w, first, x, xs, out, stride);
  }
}

template <int P, int T>
void integer_kind_tile(const CpuPackedMatrix& w, std::int64_t first, const QuantizedRows& x, std::int64_t t, float* out,
                       std::int64_t stride) {
  switch (w.layout().kind) {
    case PanelKind::u4: return integer_tile<true, false, P, T>(w, first, x, t, out, stride);
    case PanelKind::u4_offset: return integer_tile<true, true, P, T>(w, first, x, t, out, stride);
    case PanelKind::u8: return integer_tile<false, false, P, T>(w, first, x, t, out, stride);
    default: return integer_tile<false, true, P, T>(w, first, x, t, out, stride);
  }
}

/// Tiles: 4 panels for one token, so that four chains of additions overlap; 1 panel for several tokens, which share its decoding.
constexpr int kPanels = 4, kTokens = V::kTokens;

void float_products(const CpuPackedMatrix& w, std::int64_t first, int panels, const float* x, std::int64_t xs, int tokens, float* out,
                    std::int64_t stride) {
  if (tokens == 1 && panels == kPanels) return float_tile<kPanels, 1>(w, first, x, xs, out, stride);
  for (int p = 0; p < panels; ++p, out += kPanelRows) {
    int t = 0;
    for (; t + kTokens <= tokens; t += kTokens) float_tile<1, kTokens>(w, first + p, x + t * xs, xs, out + t * stride, stride);
    for (; t < tokens; ++t) float_tile<1, 1>(w, first + p, x + t * xs, xs, out + t * stride, stride);
  }
}

void integer_products(const CpuPackedMatrix& w, std::int64_t first, int panels, const QuantizedRows& x, std::int64_t first_token,
                      int tokens, float* out, std::int64_t stride) {
  if (tokens == 1 && panels == kPanels) return integer_kind_tile<kPanels, 1>(w, first, x, first_token, out, stride);
  for (int p = 0; p < panels; ++p, out += kPanelRows) {
    int t = 0;
    for (; t + kTokens <= tokens; t += kTokens)
      integer_kind_tile<1, kTokens>(w, first + p, x, first_token + t, out + t * stride, stride);
    for (; t < tokens; ++t) integer_kind_tile<1, 1>(w, first + p, x, first_token + t, out + t * stride, stride);
  }
}

void quantize_row(const float* x, std::int64_t cols, std::int8_t* codes, float* scales, std::int32_t* sums) {
  for (std::int64_t first = 0; first < cols; first += kGroup, codes += 2 * kGroup) {
    const auto n = std::min<std::int64_t>(kGroup, cols - first);
    float most = 0.0f;
    for (std::int64_t i = 0; i < n; ++i) most = std::max(most, std::fabs(x[first + i]));
    constexpr float kMost = 127 * 128;
    // A group so small that its inverse overflows counts as zero.
    const float inverse = most > 1e-30f ? kMost / most : 0.0f;
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < kGroup; ++i) {
      const auto code = i < n ? static_cast<std::int32_t>(std::nearbyint(x[first + i] * inverse)) : 0;
      const std::int32_t high = (code + 64) >> 7;
      codes[i] = static_cast<std::int8_t>(high);
      codes[kGroup + i] = static_cast<std::int8_t>(code - high * 128);
      sum += code;
    }
    *scales++ = most / kMost;
    *sums++ = sum;
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

const LinearKernels kKernels{kPanels, 8 * kTokens, quantize_row, float_products, integer_products, activate_row};

}  // namespace
}  // namespace ttt::cpu
