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
    int hidden_size;
    int num_heads;
    int head_dim;
    float scale;
    Mask mask;
    std::optional<RotaryEmbedding> rope = std::nullopt;
    bool qkv_bias = false;
    bool output_bias = false;
    std::optional<QueryKeyNorm::Config> qk_norm = std::nullopt;
    float softcap = 0.0f;
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
