// The kernels of linear_kernels.h written once over a level's vector primitives. Included by one source per level,
// after it has defined, in an unnamed namespace, a type `V` with:
//   F   16 f32 lanes: zero, set1, load, store, load_f16, load_e8m0, load_bf16_pair(p, even, odd), add, mul, div, fma,
//       exp (0 below -87: whatever meets a subnormal number takes Intel's processors a hundred cycles), round (to
//       INT32_MIN what I has no room for), max and min (the second where either is NaN), max_of, magnitude(x, y): the
//       largest |lane| of both, NaN if one is, add_neighbours: lanes 2i and 2i + 1 both become their sum
//   I   16 i32 lanes: to_float, add_int, sub_int, set1_int, shift_left<n>, shift_right<n>, sum_of, load_u8, load_i8,
//       load_u4_pair(p, low, high), store_i8, store_i16_pairs: as words, those of each four lanes in the order 0, 2, 1,
//       3; and as 16 lanes of 2 words: load_words, store_words, join_words(I low, I high), dot_words(I, I words, p):
//       lane sums of 2 words times the 2 words at p
//   B   16 lanes of 4 bytes: load_bytes, load_once, store_bytes, bits<mask, left>, either, lookup, byte_to_float<k> and
//       (B, k), even_bytes_less(B, z), odd_bytes_less(B, z): bytes 0, 2 or 1, 3 of each lane less z, as words; dot(I, B
//       codes, p): lane sums of 4 unsigned codes times the 4 signed bytes at p. Of 32 words: word_bits<mask, left>,
//       add_words, words_less(B, int), max_words, bf16_pair(B, even, odd); join_words(F low, F high): the low words of
//       both's bits, in turn
//   pair_sums_that_fit(code, most): how many sums of two products each fit into a word. Where more than one does: I
//       pair_products(B codes, p): words of two products; add_pairs(I, I), widen_pairs(I), multiply_words(I, I): lane
//       sums of 2 words times 2 words
//   kMostHigh: the largest |byte| at p that dot takes of every code without overflow
//   kMostByteCode: the largest code that dot takes with every byte at p; of larger ones, bytes 0 and 1 there, and 2
//       and 3, add up to 128 at most
//   kTokens: the most tokens of a tile; kTokensInRegisters: whether there are registers for their sums beside codes;
//   kFloatTokens: as many as meet weights in floats at once, where there are enough of them, in kFloatPanels panels
//   kPanelsOfOneToken: the panels of codes that one token meets by turns
#include <numeric>

#include "coded_bf16_impl.h"
#include "elementary_impl.h"
#include "integer_products_impl.h"
#include "kernel_scratch.h"
#include "linear_kernels.h"
#include "word_products_impl.h"

namespace ttt::cpu {
namespace {

using F = V::F;

/// P panels, `apart` panels from one to the next.
template <int P>
struct Panels {
  const std::byte* data[P];
  std::int64_t cols, apart;
  std::size_t ahead;

  Panels(const PanelRange& w, int first, int panels_apart) : cols(w.layout.cols), apart(panels_apart), ahead(w.ahead) {
    for (int p = 0; p < P; ++p) data[p] = w.panel(first + p * panels_apart);
  }
  /// Asks for the line `ahead` bytes behind what is read at `at`; where that is 0 for none.
  inline __attribute__((always_inline)) void ask(int p, std::size_t at) const {
    if (ahead != 0) __builtin_prefetch(data[p] + at + ahead);
  }
};

template <int P, int T>
struct Tile {
  F sum[P][T];
  Tile() {
    for (auto& panel : sum)
      for (auto& s : panel) s = V::zero();
  }
  void store(float* out, std::int64_t stride, std::int64_t apart) const {
    for (int p = 0; p < P; ++p)
      for (int t = 0; t < T; ++t) V::store(out + t * stride + p * apart * kPanelRows, sum[p][t]);
  }
  /// sum[p][*] += w * x[*][k]
  void accumulate(int p, F w, const float* x, std::int64_t x_stride) {
    for (int t = 0; t < T; ++t) sum[p][t] = V::fma(w, V::set1(x[t * x_stride]), sum[p][t]);
  }
};

template <PanelKind K, int P, int T>
void plain_float(const Panels<P>& w, const float* x, std::int64_t xs, float* out, std::int64_t stride) {
  const std::int64_t cols = w.cols;
  Tile<P, T> tile;
  if constexpr (K == PanelKind::bf16) {
    for (std::int64_t k = 0; k < cols; k += 2)
      for (int p = 0; p < P; ++p) {
        const auto at = static_cast<std::size_t>(k * kPanelRows * 2);
        w.ask(p, at);
        F even, odd;
        V::load_bf16_pair(w.data[p] + at, even, odd);
        tile.accumulate(p, even, x + k, xs);
        if (k + 1 < cols) tile.accumulate(p, odd, x + k + 1, xs);
      }
  } else if constexpr (K == PanelKind::f16) {
    for (std::int64_t first = 0; first < cols; first += kBlockCols) {
      const std::int64_t end = std::min(cols, first + kBlockCols);
      std::size_t at = f16_column_at(first);
      for (std::int64_t k = first; k < end; ++k, at += kPanelRows * 2)
        for (int p = 0; p < P; ++p) {
          if (k % 2 == 0) w.ask(p, at);  // a line has two columns
          tile.accumulate(p, V::load_f16(w.data[p] + at), x + k, xs);
        }
    }
  } else {
    for (std::int64_t k = 0; k < cols; ++k)
      for (int p = 0; p < P; ++p) {
        w.ask(p, static_cast<std::size_t>(k * kPanelRows * 4));
        tile.accumulate(p, V::load(reinterpret_cast<const float*>(w.data[p]) + k * kPanelRows), x + k, xs);
      }
  }
  tile.store(out, stride, w.apart);
}

template <int P, int T>
void coded_bf16(const Panels<P>& w, const float* x, std::int64_t xs, float* out, std::int64_t stride) {
  Tile<P, T> tile;
  for_each_bf16_block(w.cols, [&](std::int64_t first, std::size_t at, int octets) {
    CodedBf16Block blocks[P];
    unroll<P>([&](auto p) __attribute__((always_inline)) { blocks[p] = CodedBf16Block(w.data[p] + at); });
    for (int octet = 0; octet < octets; ++octet) {
      const float* columns = x + first + octet * kOctet;
      unroll<P>([&](auto p) __attribute__((always_inline)) {
        const OctetPairs pairs = blocks[p].load(octet, bf16_ahead(T, w.ahead));
        unroll<kOctetPairs>([&](auto q) __attribute__((always_inline)) {
          F even, odd;
          V::bf16_pair(pairs.pair[q], even, odd);
          tile.accumulate(p, even, columns + 2 * q, xs);
          tile.accumulate(p, odd, columns + 2 * q + 1, xs);
        });
      });
    }
  });
  tile.store(out, stride, w.apart);
}

/// Tiles: 4 panels of floats for one token, so that four chains of additions overlap, and memory is read in four
/// streams; V::kFloatPanels for several tokens, which share their decoding.
constexpr int kPanels = 4;

template <PanelKind K, int P, int T>
void float_tile(const Panels<P>& w, const float* x, std::int64_t xs, float* out, std::int64_t stride) {
  if constexpr (K == PanelKind::bf16_coded)
    coded_bf16<P, T>(w, x, xs, out, stride);
  else
    plain_float<K, P, T>(w, x, xs, out, stride);
}

template <PanelKind K>
void plain_products(const PanelRange& w, const float* x, std::int64_t xs, int tokens, float* out, std::int64_t stride) {
  const auto tile = [&](auto panels, auto count, int p, int apart, int t) {
    float_tile<K, panels, count>(Panels<panels>(w, p, apart), x + t * xs, xs, out + t * stride + p * kPanelRows,
                                 stride);
  };
  constexpr std::integral_constant<int, 1> kOne{};
  if (tokens == 1)
    return for_each_across<kPanels>(w.count, [&](auto panels, int p, int apart) { tile(panels, kOne, p, apart, 0); });
  constexpr std::integral_constant<int, V::kFloatTokens> kMost{};
  // Eight tokens that are left make two tiles of four, not one of six and one of two.
  constexpr int kSeveral = std::lcm(V::kFloatTokens, kTokens);
  const int several = tokens / kSeveral * kSeveral;
  for_each_across<V::kFloatPanels>(w.count, [&](auto panels, int p, int apart) {
    for (int t = 0; t < several; t += V::kFloatTokens) tile(panels, kMost, p, apart, t);
    for_each_token_tile<kTokens>(tokens - several,
                                 [&](auto count, int t) { tile(panels, count, p, apart, several + t); });
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
    case PanelKind::bf16_coded: {
      if (tokens <= kTokens) return plain_products<PanelKind::bf16_coded>(w, x, xs, tokens, out, stride);
      const PanelLayout plain{PanelKind::bf16, l.rows, l.cols};
      std::byte* panels = kernel_scratch(static_cast<std::size_t>(w.count) * plain.panel_bytes());
      for (int p = 0; p < w.count; ++p)
        unpack_bf16(w.panel(p), 0, l.cols, panels + static_cast<std::size_t>(p) * plain.panel_bytes());
      return plain_products<PanelKind::bf16>({plain, panels, w.count}, x, xs, tokens, out, stride);
    }
    default:
      break;
  }
  const PanelLayout decoded{PanelKind::f32, l.rows, l.cols};
  // Unpacking writes whole groups: beyond a panel, to where the next one comes after it.
  std::byte* panels =
      kernel_scratch(static_cast<std::size_t>(w.count) * decoded.panel_bytes() + kGroup * kPanelRows * 4);
  for (int p = 0; p < w.count; ++p)
    with_integer_kind(l.kind, [&](auto kind) {
      unpack_floats<kind>(w.panel(p), l.groups(),
                          reinterpret_cast<float*>(panels + static_cast<std::size_t>(p) * decoded.panel_bytes()));
    });
  plain_products<PanelKind::f32>({decoded, panels, w.count}, x, xs, tokens, out, stride);
}

F silu(F x) { return V::mul(x, sigmoid(x)); }

/// x times the part of a normal distribution that is below x; as x minus x times the part above, where x is positive,
/// so that nothing cancels. Off by less than 4e-7 of the result, and 3e-9.
inline __attribute__((always_inline)) F gelu(F x) {
  // No farther than where the tail is 0, which infinity times would not be.
  const F magnitude = V::min(V::set1(15.0f), V::max(x, V::mul(x, V::set1(-1.0f))));
  return V::fma(V::mul(magnitude, V::set1(-1.0f)), normal_tail(magnitude), V::max(V::zero(), x));
}

/// 0.5 (1 + tanh(u)) is sigmoid(2u), where nothing cancels.
F gelu_tanh(F x) {
  const F cube = V::mul(V::mul(x, x), x);
  return V::mul(x, sigmoid(V::mul(V::set1(2 * 0.7978845608f), V::fma(V::set1(0.044715f), cube, x))));
}

F quick_gelu(F x) { return V::mul(x, sigmoid(V::mul(V::set1(1.702f), x))); }

void activate_row(Activation activation, float* v, std::int64_t count) {
  switch (activation) {
    case Activation::none:
      return;
    case Activation::silu:
      return map_values(v, count, [](F x) { return silu(x); });
    case Activation::gelu:
      return map_values(v, count, [](F x) { return gelu(x); });
    case Activation::gelu_tanh:
      return map_values(v, count, [](F x) { return gelu_tanh(x); });
    case Activation::quick_gelu:
      return map_values(v, count, [](F x) { return quick_gelu(x); });
    case Activation::sigmoid:
      return map_values(v, count, [](F x) { return sigmoid(x); });
    case Activation::tanh:
      return map_values(v, count, [](F x) { return tanh(x); });
    default:
      for (std::int64_t i = 0; i < count; ++i) v[i] = activate(activation, v[i]);
  }
}

const LinearKernels kKernels{kTokens,          V::kMostByteCode, quantize_row, float_products,
                             integer_products, word_products,    activate_row};

}  // namespace
}  // namespace ttt::cpu
