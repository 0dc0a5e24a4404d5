#include <algorithm>
#include <utility>

#include "bf16_linear.h"
#include "kernel_scratch.h"
#include "simd_avx512.h"
// After the level's primitives.
#include "coded_bf16_impl.h"

namespace ttt::cpu {
namespace {

/// Pairs of columns that all tiles of a call go through before the next: their weights stay in the second-level cache.
constexpr std::int64_t kPairsAtOnce = 1024;
static_assert(2 * kPairsAtOnce % kBlockCols == 0);
constexpr int kTokens = 8;    ///< of a tile
constexpr int kFewRows = 16;  ///< whose sums have registers beside coded weights; more share their decoding

/// acc + a pair of columns of 16 rows times a token's pair. In assembly for the same reason as V::dot.
inline V::F dot_pair(V::F acc, __m512i weights, const std::uint16_t* pair) {
  using Pair = std::uint16_t[2];
  asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(weights), "m"(*reinterpret_cast<const Pair*>(pair)));
  return acc;
}

struct Pairs {
  std::int64_t first, count;
};

/// Pairs of columns of up to two panels, `panel_bytes` apart.
struct Weights {
  const std::byte* data;
  std::size_t panel_bytes;
  Pairs pairs;
};

/// P panels times T tokens over some pairs of columns, added to `out` unless they are the first.
template <int P, int T>
void tile(const std::byte* panel, std::size_t panel_bytes, const std::uint16_t* x, std::int64_t x_stride, Pairs pairs,
          float* out, std::int64_t stride) {
  V::F sum[P][T];
  for (int p = 0; p < P; ++p)
    for (int t = 0; t < T; ++t) sum[p][t] = pairs.first == 0 ? V::zero() : V::load(out + t * stride + p * kPanelRows);
  x += 2 * pairs.first;
  const std::byte* const end = panel + static_cast<std::size_t>(pairs.count) * kPairBytes;
  for (; panel != end; panel += kPairBytes, x += 2)
    for (int p = 0; p < P; ++p) {
      const __m512i weights = _mm512_loadu_si512(panel + static_cast<std::size_t>(p) * panel_bytes);
      for (int t = 0; t < T; ++t) sum[p][t] = dot_pair(sum[p][t], weights, x + t * x_stride);
    }
  for (int p = 0; p < P; ++p)
    for (int t = 0; t < T; ++t) V::store(out + t * stride + p * kPanelRows, sum[p][t]);
}

/// P coded panels times T rows of activations, which meet the weights in registers. Kept a function of its own, or g++
/// would keep the sums in memory.
template <int P, int T>
[[gnu::noinline]] void coded_tile(const PanelRange& w, const std::uint16_t* x, std::int64_t x_stride, float* out,
                                  std::int64_t stride) {
  const std::byte* panels[P];
  for (int p = 0; p < P; ++p) panels[p] = w.panel(p);
  V::F sum[P][T];
  unroll<P * T>([&](auto i) __attribute__((always_inline)) { sum[i / T][i % T] = V::zero(); });
  for_each_bf16_block(w.layout.cols, [&](std::int64_t first, std::size_t at, int octets) {
    CodedBf16Block blocks[P];
    unroll<P>([&](auto p) __attribute__((always_inline)) { blocks[p] = CodedBf16Block(panels[p] + at); });
    for (int octet = 0; octet < octets; ++octet) {
      unroll<P>([&](auto p) __attribute__((always_inline)) {
        const std::uint16_t* columns = x + first + octet * kOctet;
        const OctetPairs pairs = blocks[p].load(octet, bf16_ahead(T, w.ahead));
        unroll<kOctetPairs>([&](auto q) __attribute__((always_inline)) {
          unroll<T>([&](auto t) __attribute__((always_inline)) {
            sum[p][t] = dot_pair(sum[p][t], pairs.pair[q].v, columns + t * x_stride + 2 * q);
          });
        });
      });
    }
  });
  unroll<P * T>([&](auto i) __attribute__((always_inline)) {
    V::store(out + i % T * stride + i / T * kPanelRows, sum[i / T][i % T]);
  });
}

/// The same of all panels: as many at once as it takes for a sum not to wait for itself.
template <int T>
void coded_tiles(const PanelRange& w, const std::uint16_t* x, std::int64_t x_stride, float* out, std::int64_t stride) {
  constexpr int kPanels = T < kTokens ? 2 : 1;
  int p = 0;
  for (; p + kPanels <= w.count; p += kPanels)
    coded_tile<kPanels, T>(w.part(p, kPanels), x, x_stride, out + p * kPanelRows, stride);
  for (; p < w.count; ++p) coded_tile<1, T>(w.part(p, 1), x, x_stride, out + p * kPanelRows, stride);
}

/// Up to kFewRows rows.
void coded_products(const PanelRange& w, const std::uint16_t* x, std::int64_t x_stride, int rows, float* out,
                    std::int64_t stride) {
  if (rows == kFewRows) return coded_tiles<kFewRows>(w, x, x_stride, out, stride);
  // Panels are decoded for each tile, the second time from a cache.
  const int panels = tile_tokens(rows, kTokens) == rows ? w.count : 2;
  for (int p = 0; p < w.count; p += panels)
    for_each_token_tile<kTokens>(rows, [&](auto count, int t) {
      coded_tiles<count>(w.part(p, std::min(panels, w.count - p)), x + t * x_stride, x_stride,
                         out + t * stride + p * kPanelRows, stride);
    });
}

/// Pairs of columns of panels [p, p + count), decoded where they are coded.
Weights weights_of(const PanelRange& w, int p, int count, Pairs pairs) {
  if (w.layout.kind == PanelKind::bf16)
    return {w.panel(p) + static_cast<std::size_t>(pairs.first) * kPairBytes, w.layout.panel_bytes(), pairs};
  constexpr std::size_t kBytes = static_cast<std::size_t>(kPairsAtOnce) * kPairBytes;
  std::byte* data = kernel_scratch(2 * kBytes);
  for (int i = 0; i < count; ++i)
    unpack_bf16(w.panel(p + i), 2 * pairs.first, 2 * pairs.count, data + static_cast<std::size_t>(i) * kBytes);
  return {data, kBytes, pairs};
}

/// Products of the tokens' rows, one for each part.
void row_products(const PanelRange& w, const Bf16Rows& x_rows, std::int64_t token, int tokens, float* out,
                  std::int64_t stride) {
  const std::uint16_t* x = x_rows.row(token);
  const std::int64_t x_stride = x_rows.stride;
  const int rows = tokens * x_rows.parts;
  if (w.layout.kind == PanelKind::bf16_coded && rows <= kFewRows)
    return coded_products(w, x, x_stride, rows, out, stride);
  const std::int64_t all = (w.layout.cols + 1) / 2;
  // One token waits for memory, of which weights that are not coded are read as one stream.
  const std::int64_t step = tokens > 1 ? kPairsAtOnce : all;
  for (std::int64_t first = 0; first < all; first += step)
    for (int p = 0; p < w.count;) {
      const auto run = [&]<int P>(std::integral_constant<int, P>) {
        const Weights weights = weights_of(w, p, P, {first, std::min(step, all - first)});
        for_each_token_tile<kTokens>(rows, [&](auto count, int t) {
          tile<P, count>(weights.data, weights.panel_bytes, x + t * x_stride, x_stride, weights.pairs,
                         out + t * stride + p * kPanelRows, stride);
        });
        p += P;
      };
      if (tokens > 1 && p + 2 <= w.count)
        run(std::integral_constant<int, 2>{});
      else
        run(std::integral_constant<int, 1>{});
    }
}

void products(const PanelRange& w, const Bf16Rows& x, std::int64_t token, int tokens, float* out, std::int64_t stride) {
  row_products(w, x, token, tokens, out, stride);
  if (x.parts == 1) return;
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < w.count * kPanelRows; i += kPanelRows) {
      const float* sums = out + 2 * t * stride + i;
      V::store(out + t * stride + i, V::add(V::load(sums), V::load(sums + stride)));
    }
}

void store_row(const float* x, std::int64_t cols, const Bf16Rows& rows, std::int64_t token) {
  std::uint16_t *out = rows.row(token), *low = out + rows.stride;
  for (std::int64_t k = 0; k < cols; k += 16) {
    float values[16] = {};
    if (k + 16 > cols) std::copy_n(x + k, cols - k, values);
    const V::F all = V::load(k + 16 > cols ? values : x + k);
    if (rows.parts == 2)
      V::store_split(out + k, low + k, all);
    else
      V::store_bf16(out + k, all);
  }
}

constexpr Bf16Kernels kKernels{store_row, products};

}  // namespace

const Bf16Kernels& bf16_kernels() { return kKernels; }

}  // namespace ttt::cpu
