#pragma once
#include <optional>
#include <vector>

#include "ttt/building_blocks/attention/cached_attention.h"
#include "ttt/building_blocks/linear.h"
#include "ttt/building_blocks/normalization/rms_norm.h"

namespace ttt::inline v2 {

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): keys and values of all heads come from one latent
/// vector per token, and the latent is what the cache holds. The up-projections are absorbed: queries are brought into
/// the latent space, attention runs there over one shared head, and its result is brought back. Input: x [tokens,
/// hidden_size]. Output: out [tokens, hidden_size], stored or added. Weights: q_proj [num_heads * (nope + rope),
/// hidden_size], or q_a_proj [q_lora_rank, hidden_size], q_a_layernorm [q_lora_rank] and q_b_proj [num_heads * (nope +
/// rope), q_lora_rank]; kv_a_proj_with_mqa [kv_lora_rank + rope, hidden_size]; kv_a_layernorm [kv_lora_rank]; for every
/// head h k_b_proj.h [kv_lora_rank, nope] and v_b_proj.h [v_head_dim, kv_lora_rank]; o_proj [hidden_size, num_heads *
/// v_head_dim]. Behaviour: per head, scores = scale * (q_nope . k_b^T latent + rope(q_rope) . rope(k_rope)); causal by
/// the mask. Errors: ConfigError on sizes that do not fit; WeightError for a misshaped tensor.
class MultiHeadLatentAttention {
 public:
  struct Config {
    int hidden_size;                 ///< columns of x and out
    int num_heads;                   ///< of the queries
    std::optional<int> q_lora_rank;  ///< nothing: queries come straight from x
    int kv_lora_rank;                ///< columns of the latent vector that the cache holds
    int qk_nope_head_dim;            ///< columns of a query head without position
    int qk_rope_head_dim;            ///< rotated columns
    int v_head_dim;                  ///< columns of a head's result
    float scale;                     ///< multiplies scores
    Mask mask;                       ///< which keys a query sees
    RotaryEmbedding rope;            ///< of the rotated columns
    float latent_norm_eps;           ///< of kv_a_layernorm and q_a_layernorm
    bool bias = false;               ///< of q_a_proj, kv_a_proj_with_mqa and o_proj
  };
  MultiHeadLatentAttention(const Config& config, const Weights& weights, Device& device, CacheLayer cache);

  void forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output = {}) const;

  CacheLayerSpec cache_spec() const { return attention_.cache_spec(); }
  std::uint64_t weight_bytes() const;
  std::int64_t workspace_cols() const;
  std::int64_t hidden_size() const { return output_.out_features(); }  ///< columns of x and out

 private:
  Matrix queries(ConstMatrix x, Step& step, Workspace::Frame& frame) const;
  int query_dim() const { return nope_ + rope_; }
  int latent() const { return attention_.v_dim; }

  int nope_, rope_, v_head_dim_;
  CachedAttention attention_;  ///< over [rope, latent] keys and latent values, one kv head
  std::optional<Linear> query_down_;
  std::optional<RMSNorm> query_norm_;
  Linear query_;
  Linear latent_down_;
  RMSNorm latent_norm_;
  std::vector<Linear> key_up_, value_up_;  ///< by head
  Linear output_;
};

}  // namespace ttt::inline v2
