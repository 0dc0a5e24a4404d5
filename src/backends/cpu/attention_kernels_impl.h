// The kernels of attention_kernels.h written once over a level's vector primitives `V` (see linear_kernels_impl.h; here
// also load_bf16, store_f16, and kAttentionRows and kAttentionTiles, the queries and the vectors of keys or dims
// whose sums registers hold). Softmax is computed online (Milakov & Gimelshein, 2018; Dao, 2023): in blocks of keys at
// fixed absolute positions and a fixed order, so that a query's bits do not depend on what else is in the batch.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "attention_kernels.h"
#include "elementary_impl.h"
#include "kernel_scratch.h"

namespace ttt::cpu {
namespace {

using F = V::F;
constexpr int kLanes = 16;
constexpr int kRows = 4;  ///< queries that share a pass at least, zeros where there are fewer
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

struct LoadF32 {
  static constexpr std::size_t kBytes = 4;
  static F load(const std::byte* p) { return V::load(reinterpret_cast<const float*>(p)); }
};
struct LoadF16 {
  static constexpr std::size_t kBytes = 2;
  static F load(const std::byte* p) { return V::load_f16(p); }
};
struct LoadBf16 {
  static constexpr std::size_t kBytes = 2;
  static F load(const std::byte* p) { return V::load_bf16(p); }
};
struct LoadI8 {
  static constexpr std::size_t kBytes = 1;
  static F load(const std::byte* p) { return V::to_float(V::load_i8(p)); }
};

/// What a call works on; scores are [kQueryBlock][kKeyBlock].
struct Block {
  const ops::KvLayout& layout;
  const std::byte* page;
  int kv_head;
  int first_slot;                         ///< in the page, of the block's first key
  int num_keys;                           ///< a multiple of 16: whole tiles
  int num_values;                         ///< of those, up to the last that a query sees
  std::ptrdiff_t next_keys, next_values;  ///< bytes from this block's to the next one's; 0 in the last
};

/// Vectors of keys or dims whose sums registers hold for R queries.
template <int R>
constexpr int kTiles = V::kAttentionTiles * V::kAttentionRows / R;

/// The first queries that meet a block ask for the next one, a vector at a time and into the second cache: pages
/// lie anywhere, and what is asked for all at once, or into the first cache, is mostly dropped.
enum class Ahead { ask, none };

template <Ahead A>
inline __attribute__((always_inline)) void ask(const std::byte* p) {
  if constexpr (A == Ahead::ask) __builtin_prefetch(p, 0, 2);
}

/// Calls step<R, A>(i) for queries i .. i + R, R as many as registers allow; their number is a multiple of kRows.
template <class Step>
void for_query_rows(int num_queries, bool ahead, const Step& step) {
  const auto rows = [&]<int R>(int i) {
    if (i == 0 && ahead)
      step.template operator()<R, Ahead::ask>(i);
    else
      step.template operator()<R, Ahead::none>(i);
  };
  constexpr int kSeveral = std::lcm(V::kAttentionRows, kRows);  // what is left is a multiple of kRows
  int i = 0;
  for (; i + kSeveral <= num_queries; i += kSeveral)
    for (int j = 0; j < kSeveral; j += V::kAttentionRows) rows.template operator()<V::kAttentionRows>(i + j);
  for (; i < num_queries; i += kRows) rows.template operator()<kRows>(i);
}

/// scores[i][key] = q[i] . k[key] for R queries and T tiles of 16 keys: one chain of additions each, over the dims.
template <class Load, int R, int T, Ahead A>
void score_tiles(const Block& b, int key, const float* q, float* scores) {
  const int dim = b.layout.k_dim;
  const std::byte* tiles[T];
  for (int t = 0; t < T; ++t)
    tiles[t] = b.page + b.layout.k_index(b.kv_head, b.first_slot + key + t * kLanes, 0) * Load::kBytes;
  F sums[R][T];
  for (auto& row : sums)
    for (auto& sum : row) sum = V::zero();
  for (int d = 0; d < dim; ++d) {
    F k[T];
    for (int t = 0; t < T; ++t) {
      const std::byte* at = tiles[t] + static_cast<std::size_t>(d * kLanes) * Load::kBytes;
      k[t] = Load::load(at);
      ask<A>(at + b.next_keys);
    }
    for (int j = 0; j < R; ++j) {
      const F value = V::set1(q[j * dim + d]);
      for (int t = 0; t < T; ++t) sums[j][t] = V::fma(k[t], value, sums[j][t]);
    }
  }
  for (int j = 0; j < R; ++j)
    for (int t = 0; t < T; ++t) V::store(scores + j * kKeyBlock + key + t * kLanes, sums[j][t]);
}

template <class Load>
void score_block(const Block& b, const float* q, int num_queries, float* scores) {
  for_query_rows(num_queries, b.next_keys != 0, [&]<int R, Ahead A>(int i) {
    const float* rows = q + static_cast<std::ptrdiff_t>(i) * b.layout.k_dim;
    int key = 0;
    for (; key + kTiles<R> * kLanes <= b.num_keys; key += kTiles<R> * kLanes)
      score_tiles<Load, R, kTiles<R>, A>(b, key, rows, scores + i * kKeyBlock);
    for (; key < b.num_keys; key += kLanes) score_tiles<Load, R, 1, A>(b, key, rows, scores + i * kKeyBlock);
  });
}

/// s[key] *= the key's scale, of an 8-bit cache's keys or values.
void scale_by(float* s, const Block& b, std::size_t scale_offset) {
  const auto slot = static_cast<std::size_t>(b.kv_head * b.layout.page_size + b.first_slot);
  const float* scales = reinterpret_cast<const float*>(b.page + scale_offset) + slot;
  for (int key = 0; key < b.num_keys; key += kLanes) V::store(s + key, V::mul(V::load(s + key), V::load(scales + key)));
}

void softcap(float cap, float* v, std::int64_t count) {
  map_values(v, count, [&](F x) { return V::mul(V::set1(cap), tanh(V::mul(x, V::set1(1.0f / cap)))); });
}

/// Caps and masks one query's scores, and gives those of an 8-bit cache their keys' scales.
void finish_scores(const ops::Attention::Args& a, const Block& b, float* s, std::int32_t block_start,
                   const Query& query) {
  if (b.layout.dtype == DType::i8) scale_by(s, b, b.layout.k_scale_offset);
  if (a.softcap > 0.0f) softcap(a.softcap, s, b.num_keys);
  if (block_start >= query.first && block_start + b.num_keys - 1 <= query.last) return;
  for (int key = 0; key < b.num_keys; ++key)
    if (block_start + key < query.first || block_start + key > query.last) s[key] = kMinusInfinity;
}

/// Turns scores into weights exp(s - max) under the new maximum; returns by how much what was summed before shrinks.
float update_softmax(float* s, int num_keys, Partial& partial, float* lane_sums) {
  F maxima = V::set1(partial.max);
  for (int key = 0; key < num_keys; key += kLanes) maxima = V::max(maxima, V::load(s + key));
  const float most = V::max_of(maxima);
  // Never subnormal, like V::exp.
  const float shrink = partial.max == most ? 1.0f : partial.max - most < -87.0f ? 0.0f : std::exp(partial.max - most);
  F sums = V::mul(V::load(lane_sums), V::set1(shrink));
  for (int key = 0; key < num_keys; key += kLanes) {
    const F weights = V::exp(V::add(V::load(s + key), V::set1(-most)));
    V::store(s + key, weights);
    sums = V::add(sums, weights);
  }
  V::store(lane_sums, sums);
  partial.max = most;
  return shrink;
}

/// A load that does not read beyond `count` elements, fewer than a vector's.
template <class Load>
F load_some(const std::byte* p, int count) {
  alignas(64) std::array<std::byte, 64> whole{};
  std::memcpy(whole.data(), p, static_cast<std::size_t>(count) * Load::kBytes);
  return Load::load(whole.data());
}

/// acc[i] = acc[i] * shrink[i] + sum over keys of weight * v[key], for R queries and the dims from `d` on, T vectors of
/// them, of which the last may be cut off.
template <class Load, int R, int T, bool CutOff, Ahead A>
void add_value_tiles(const Block& b, int d, const float* weights, const float* shrink, float* acc,
                     std::int64_t v_stride) {
  const int dim = b.layout.v_dim;
  [[maybe_unused]] const int last = dim - d - (T - 1) * kLanes;
  const std::byte* v = b.page + b.layout.v_offset +
                       (b.layout.v_index(b.kv_head, b.first_slot, 0) + static_cast<std::size_t>(d)) * Load::kBytes;
  F sums[R][T];
  for (int j = 0; j < R; ++j)
    for (int t = 0; t < T; ++t) sums[j][t] = V::mul(V::load(acc + j * v_stride + d + t * kLanes), V::set1(shrink[j]));
  for (int key = 0; key < b.num_values; ++key, v += static_cast<std::size_t>(dim) * Load::kBytes) {
    F values[T];
    for (int t = 0; t < T; ++t) {
      const std::byte* at = v + static_cast<std::size_t>(t * kLanes) * Load::kBytes;
      values[t] = CutOff && t == T - 1 ? load_some<Load>(at, last) : Load::load(at);
      ask<A>(at + b.next_values);
    }
    for (int j = 0; j < R; ++j) {
      const F weight = V::set1(weights[j * kKeyBlock + key]);
      for (int t = 0; t < T; ++t) sums[j][t] = V::fma(values[t], weight, sums[j][t]);
    }
  }
  for (int j = 0; j < R; ++j)
    for (int t = 0; t < T; ++t) V::store(acc + j * v_stride + d + t * kLanes, sums[j][t]);
}

template <class Load>
void add_values(const Block& b, const float* weights, const float* shrink, int num_queries, float* acc,
                std::int64_t v_stride) {
  const int dim = b.layout.v_dim;
  for_query_rows(num_queries, b.next_values != 0, [&]<int R, Ahead A>(int i) {
    const auto add = [&]<int T, bool CutOff>(int d) {
      add_value_tiles<Load, R, T, CutOff, A>(b, d, weights + i * kKeyBlock, shrink + i, acc + i * v_stride, v_stride);
    };
    int d = 0;
    for (; d + kTiles<R> * kLanes <= dim; d += kTiles<R> * kLanes) add.template operator()<kTiles<R>, false>(d);
    for (; d + kLanes <= dim; d += kLanes) add.template operator()<1, false>(d);
    if (d < dim) add.template operator()<1, true>(d);
  });
}

/// The block of `keys` keys from `start` on, after which `next` comes; the last has none.
template <class Load>
Block block_at(const ops::KvLayerView& cache, std::size_t sequence, int kv_head, std::int32_t start, int keys,
               std::optional<std::int32_t> next) {
  const auto& layout = cache.layout;
  const int tiles = (keys + kLanes - 1) / kLanes;
  Block block{layout, cache.page(sequence, start), kv_head, start % layout.page_size, tiles * kLanes, keys, 0, 0};
  if (!next) return block;
  const std::ptrdiff_t slots = *next % layout.page_size - block.first_slot, bytes = Load::kBytes;
  const std::ptrdiff_t to_page = cache.page(sequence, *next) - block.page;
  block.next_keys = to_page + slots * layout.k_dim * bytes;
  block.next_values = to_page + slots * layout.v_dim * bytes;
  return block;
}

template <class Load>
void attend_typed(const ops::Attention::Args& a, std::size_t sequence, int kv_head, std::span<const Query> queries,
                  float* acc, std::int64_t v_stride, Partial* partials) {
  const auto& layout = a.cache.layout;
  const int count = static_cast<int>(queries.size()), padded = (count + kRows - 1) / kRows * kRows, dim = layout.k_dim;
  auto* const q_rows = reinterpret_cast<float*>(kernel_scratch(static_cast<std::size_t>(padded * dim) * sizeof(float)));
  std::fill(q_rows + count * dim, q_rows + padded * dim, 0.0f);
  alignas(64) float scores[kQueryBlock * kKeyBlock] = {};
  alignas(64) float lane_sums[kQueryBlock][kLanes] = {};
  float shrink[kQueryBlock] = {};
  std::int32_t first = std::numeric_limits<std::int32_t>::max(), last = -1;
  for (int i = 0; i < count; ++i) {
    const auto& query = queries[static_cast<std::size_t>(i)];
    std::transform(query.q, query.q + dim, q_rows + static_cast<std::ptrdiff_t>(i) * dim,
                   [&](float value) { return value * a.scale; });
    partials[i] = {kMinusInfinity, 0.0f};
    if (query.last < query.first) continue;
    first = std::min(first, query.first);
    last = std::max(last, query.last);
  }
  std::fill_n(acc, padded * v_stride, 0.0f);
  const int block_keys = std::gcd(kKeyBlock, layout.page_size);  // a block lies in one page
  for (std::int32_t start = last < 0 ? 0 : first / block_keys * block_keys; start <= last; start += block_keys) {
    const std::int32_t next = start + block_keys;
    const Block block = block_at<Load>(a.cache, sequence, kv_head, start, std::min(block_keys, last - start + 1),
                                       next <= last ? std::optional(next) : std::nullopt);
    const int keys = block.num_keys;
    score_block<Load>(block, q_rows, padded, scores);
    for (int i = 0; i < padded; ++i) {
      float* s = scores + i * kKeyBlock;
      const bool sees =
          i < count && queries[static_cast<std::size_t>(i)].first < start + keys &&
          queries[static_cast<std::size_t>(i)].last >= std::max(start, queries[static_cast<std::size_t>(i)].first);
      shrink[i] = 1.0f;
      if (!sees) {
        std::fill_n(s, keys, 0.0f);
        continue;
      }
      finish_scores(a, block, s, start, queries[static_cast<std::size_t>(i)]);
      shrink[i] = update_softmax(s, keys, partials[i], lane_sums[i]);
      if (layout.dtype == DType::i8) scale_by(s, block, layout.v_scale_offset);
    }
    add_values<Load>(block, scores, shrink, padded, acc, v_stride);
  }
  for (int i = 0; i < count; ++i) {
    for (int half = kLanes / 2; half > 0; half /= 2)
      for (int lane = 0; lane < half; ++lane) lane_sums[i][lane] += lane_sums[i][lane + half];
    partials[i].sum = lane_sums[i][0];
  }
}

void attend(const ops::Attention::Args& a, std::size_t sequence, int kv_head, std::span<const Query> queries,
            float* acc, std::int64_t v_stride, Partial* partials) {
  switch (a.cache.layout.dtype) {
    case DType::f16:
      return attend_typed<LoadF16>(a, sequence, kv_head, queries, acc, v_stride, partials);
    case DType::bf16:
      return attend_typed<LoadBf16>(a, sequence, kv_head, queries, acc, v_stride, partials);
    case DType::i8:
      return attend_typed<LoadI8>(a, sequence, kv_head, queries, acc, v_stride, partials);
    default:
      return attend_typed<LoadF32>(a, sequence, kv_head, queries, acc, v_stride, partials);
  }
}

void to_f16(const float* values, std::int64_t count, std::uint16_t* out) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) V::store_f16(out + i, V::load(values + i));
  if (i == count) return;
  float rest[kLanes] = {};
  std::uint16_t bits[kLanes];
  std::copy_n(values + i, count - i, rest);
  V::store_f16(bits, V::load(rest));
  std::copy_n(bits, count - i, out + i);
}

const AttentionKernels kKernels{attend, to_f16, softcap};

}  // namespace
}  // namespace ttt::cpu
