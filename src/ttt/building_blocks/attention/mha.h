#pragma once
#include "ttt/building_blocks/attention/gqa.h"

namespace ttt::inline v2 {

/// Multi-head attention (Vaswani et al., 2017): every head has its own keys and values.
/// Input: x [tokens, hidden_size]. Output: out [tokens, hidden_size], stored or added.
/// Weights: q_proj, k_proj, v_proj [num_heads * head_dim, hidden_size], o_proj [hidden_size, num_heads * head_dim],
/// each `weight` and, when configured, `bias`. Behaviour: grouped-query attention with groups of one. Errors: those of
/// GroupedQueryAttention.
class MultiHeadAttention : public GroupedQueryAttention {
 public:
  struct Config {
    int hidden_size;                                             ///< columns of x and out
    int num_heads;                                               ///< of queries, keys and values
    int head_dim;                                                ///< columns of a head
    float scale;                                                 ///< multiplies scores; mostly 1 / sqrt(head_dim)
    Mask mask;                                                   ///< which keys a query sees
    std::optional<RotaryEmbedding> rope = std::nullopt;          ///< nothing: positions are not rotated in
    bool qkv_bias = false;                                       ///< q_proj, k_proj and v_proj have one
    bool output_bias = false;                                    ///< o_proj has one
    std::optional<QueryKeyNorm::Config> qk_norm = std::nullopt;  ///< norms of queries and keys before rotation
    float softcap = 0.0f;                                        ///< caps scores at +-softcap by tanh; 0: off
  };
  MultiHeadAttention(const Config& c, const Weights& weights, Device& device, CacheLayer cache)
      : GroupedQueryAttention({.hidden_size = c.hidden_size,
                               .num_heads = c.num_heads,
                               .num_kv_heads = c.num_heads,
                               .head_dim = c.head_dim,
                               .scale = c.scale,
                               .mask = c.mask,
                               .rope = c.rope,
                               .qkv_bias = c.qkv_bias,
                               .output_bias = c.output_bias,
                               .qk_norm = c.qk_norm,
                               .softcap = c.softcap},
                              weights, device, cache) {}
};

}  // namespace ttt::inline v2
