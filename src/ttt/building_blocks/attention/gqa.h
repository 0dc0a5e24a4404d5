#pragma once
#include <optional>

#include "ttt/building_blocks/attention/cached_attention.h"
#include "ttt/building_blocks/linear.h"
#include "ttt/building_blocks/normalization/query_key_norm.h"

namespace ttt::inline v2 {

/// Grouped-query attention (Ainslie et al., 2023): `num_heads` query heads share `num_kv_heads` keys and values.
/// Input: x [tokens, hidden_size]. Output: out [tokens, hidden_size], stored or added.
/// Weights: q_proj [num_heads * head_dim, hidden_size], k_proj and v_proj [num_kv_heads * head_dim, hidden_size],
/// o_proj [hidden_size, num_heads * head_dim], each `weight` and, when configured, `bias`; q_norm, k_norm
/// (QueryKeyNorm) and sinks [num_heads] when configured. Behaviour: out = softmax(scale * rope(norm(q)) rope(norm(k))^T
/// + mask) v o_proj^T, over the step's cache. The scale is the model's. Errors: ConfigError when num_kv_heads does not
/// divide num_heads; WeightError for a misshaped tensor.
class GroupedQueryAttention {
 public:
  struct Config {
    int hidden_size;                                             ///< columns of x and out
    int num_heads;                                               ///< of the queries
    int num_kv_heads;                                            ///< of keys and values; divides num_heads
    int head_dim;                                                ///< columns of a head
    float scale;                                                 ///< multiplies scores; mostly 1 / sqrt(head_dim)
    Mask mask;                                                   ///< which keys a query sees
    std::optional<RotaryEmbedding> rope = std::nullopt;          ///< nothing: positions are not rotated in
    bool qkv_bias = false;                                       ///< q_proj, k_proj and v_proj have one
    bool output_bias = false;                                    ///< o_proj has one
    std::optional<QueryKeyNorm::Config> qk_norm = std::nullopt;  ///< norms of queries and keys before rotation
    float softcap = 0.0f;                                        ///< caps scores at +-softcap by tanh; 0: off
    bool sinks = false;  ///< a learned score per head that takes probability and gives no value (gpt-oss)
  };
  GroupedQueryAttention(const Config& config, const Weights& weights, Device& device, CacheLayer cache);

  void forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output = {}) const;

  CacheLayerSpec cache_spec() const { return attention_.cache_spec(); }
  /// The layer of the cache that it was built for.
  CacheLayer cache_layer() const { return attention_.cache; }
  std::uint64_t weight_bytes() const { return qkv_.weight_bytes() + norm_bytes() + output_.weight_bytes(); }
  std::int64_t workspace_cols() const;                                 ///< scratch floats per token
  std::int64_t hidden_size() const { return output_.out_features(); }  ///< columns of x and out

 private:
  std::uint64_t norm_bytes() const {
    return (query_norm_ ? query_norm_->weight_bytes() : 0) + (key_norm_ ? key_norm_->weight_bytes() : 0);
  }

  CachedAttention attention_;
  Linear qkv_;
  std::optional<QueryKeyNorm> query_norm_, key_norm_;
  Linear output_;
};

}  // namespace ttt::inline v2
