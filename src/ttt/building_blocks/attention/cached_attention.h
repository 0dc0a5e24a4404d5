#pragma once
#include <memory>
#include <optional>

#include "ttt/building_blocks/embeddings/rotary.h"
#include "ttt/building_blocks/step.h"
#include "ttt/ops/attention.h"

namespace ttt::inline v2 {

/// Which layer of the KV cache an attention block appends to.
struct CacheLayer {
  /// Among the layers of KvCache::Config, from 0.
  int index;
};

/// What self-attention does between its projections, whatever these look like.
/// Input: q [tokens, num_heads * k_dim], k [tokens, num_kv_heads * k_dim], v [tokens, num_kv_heads * v_dim].
/// Output: out [tokens, num_heads * v_dim], stored.
/// Weights: `sinks` [num_heads], already taken, when the model has them.
/// Behaviour: rotates q (in place) and k, appends k and v to the cache's layer, attends over it under the mask.
/// Errors: ConfigError from `check` on numbers that do not fit together; ShapeError from `forward`.
struct CachedAttention {
  int num_heads;                        ///< of the queries
  int num_kv_heads;                     ///< of keys and values; divides num_heads
  int k_dim;                            ///< columns of a query or key head
  int v_dim;                            ///< columns of a value head
  float scale;                          ///< multiplies scores before the mask
  Mask mask;                            ///< which keys a query sees
  std::optional<RotaryEmbedding> rope;  ///< of queries and keys; nothing: they are not rotated
  float softcap = 0.0f;                 ///< caps scores at +-softcap by tanh; 0: off
  std::shared_ptr<const float> sinks;   ///< [num_heads] on the device, or null: see ops::Attention
  CacheLayer cache;                     ///< where keys and values go

  /// Throws ConfigError, with `where`, on numbers that do not fit together.
  void check(const std::string& where) const;
  void forward(Matrix q, ConstMatrix k, ConstMatrix v, Step& step, Matrix out) const;
  CacheLayerSpec cache_spec() const { return {num_kv_heads, k_dim, v_dim, mask.window_size}; }
};

}  // namespace ttt::inline v2
