#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "isa.h"
#include "ttt/ops/attention.h"

namespace ttt::cpu {

/// Most query vectors that share one pass over keys and values.
constexpr int kQueryBlock = 16;
/// Keys between two updates of the running maximum; blocks are aligned to absolute positions.
constexpr int kKeyBlock = 64;

/// One query vector: a row's head, and the keys [first, last] that it sees within the span at hand; none when last <
/// first.
struct Query {
  const float* q;
  std::int32_t first, last;
};

/// Where softmax over a span of keys stands: out = acc / sum, relative to exp(max).
struct Partial {
  float max, sum;
};

struct AttentionKernels {
  /// Attends `queries` (at most kQueryBlock, of one kv head of one sequence) to their keys. acc has kQueryBlock rows of
  /// `v_stride` floats, of which the queries' first v_dim are set; a query without keys gets sum 0. The cache may hold
  /// anything in slots that no query sees.
  void (*attend)(const ops::Attention::Args& args, std::size_t sequence, int kv_head, std::span<const Query> queries,
                 float* acc, std::int64_t v_stride, Partial* partials);
  void (*to_f16)(const float* values, std::int64_t count, std::uint16_t* out);
  /// v[i] = cap * tanh(v[i] / cap).
  void (*softcap)(float cap, float* v, std::int64_t count);
};

const AttentionKernels& attention_kernels(const Isa& isa);

const AttentionKernels& generic_attention_kernels();
const AttentionKernels& avx2_attention_kernels();
const AttentionKernels& avx512_attention_kernels();

}  // namespace ttt::cpu
