#include <algorithm>
#include <utility>

#include "bf16_linear.h"
#include "simd_avx512.h"

namespace ttt::cpu {
namespace {

/// Pairs of columns that all tiles of a call go through before the next: their weights stay in the second-level cache.
constexpr std::int64_t kBlockPairs = 1024;

/// acc + a pair of columns of 16 rows times a token's pair. In assembly for the same reason as V::dot.
inline V::F dot_pair(V::F acc, __m512i weights, const std::uint16_t* pair) {
  using Pair = std::uint16_t[2];
  asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(weights), "m"(*reinterpret_cast<const Pair*>(pair)));
  return acc;
}

struct Pairs {
  std::int64_t first, count;
};

/// P panels times T tokens over some pairs of columns, added to `out` unless they are the first.
template <int P, int T>
void tile(const std::byte* panel, std::size_t panel_bytes, const std::uint16_t* x, std::int64_t x_stride, Pairs pairs,
          float* out, std::int64_t stride) {
  V::F sum[P][T];
  for (int p = 0; p < P; ++p)
    for (int t = 0; t < T; ++t) sum[p][t] = pairs.first == 0 ? V::zero() : V::load(out + t * stride + p * kPanelRows);
  for (std::int64_t pair = pairs.first; pair < pairs.first + pairs.count; ++pair)
    for (int p = 0; p < P; ++p) {
      const __m512i weights = _mm512_loadu_si512(panel + static_cast<std::size_t>(p) * panel_bytes +
                                                 static_cast<std::size_t>(pair) * kPanelRows * 4);
      for (int t = 0; t < T; ++t) sum[p][t] = dot_pair(sum[p][t], weights, x + t * x_stride + 2 * pair);
    }
  for (int p = 0; p < P; ++p)
    for (int t = 0; t < T; ++t) V::store(out + t * stride + p * kPanelRows, sum[p][t]);
}

/// P panels times all tokens over some pairs of columns.
template <int P>
void panels(const std::byte* panel, std::size_t panel_bytes, const Bf16Rows& x, std::int64_t token, int tokens,
            Pairs pairs, float* out, std::int64_t stride) {
  for_each_token_tile<8>(tokens, [&](auto count, int t) {
    tile<P, count>(panel, panel_bytes, x.row(token + t), x.stride, pairs, out + t * stride, stride);
  });
}

void products(const PanelRange& w, const Bf16Rows& x, std::int64_t token, int tokens, float* out, std::int64_t stride) {
  const std::int64_t all = (w.layout.cols + 1) / 2;
  const std::size_t bytes = w.layout.panel_bytes();
  // One token waits for memory, which is read as one stream.
  const std::int64_t step = tokens > 1 ? kBlockPairs : all;
  for (std::int64_t first = 0; first < all; first += step) {
    const Pairs pairs{first, std::min(step, all - first)};
    int p = 0;
    const auto run = [&]<int P>(std::integral_constant<int, P>) {
      panels<P>(w.data + static_cast<std::size_t>(p) * bytes, bytes, x, token, tokens, pairs, out + p * kPanelRows,
                stride);
      p += P;
    };
    while (tokens > 1 && p + 2 <= w.count) run(std::integral_constant<int, 2>{});
    while (p < w.count) run(std::integral_constant<int, 1>{});
  }
}

void store_row(const float* x, std::int64_t cols, const Bf16Rows& rows, std::int64_t token) {
  std::uint16_t* out = rows.row(token);
  std::int64_t k = 0;
  for (; k + 16 <= cols; k += 16) V::store_bf16(out + k, V::load(x + k));
  if (k == cols) return;
  float rest[16] = {};
  std::copy_n(x + k, cols - k, rest);
  V::store_bf16(out + k, V::load(rest));
}

constexpr Bf16Kernels kKernels{store_row, products};

}  // namespace

const Bf16Kernels& bf16_kernels() { return kKernels; }

}  // namespace ttt::cpu
