#include "ttt/building_blocks/attention/mla.h"

#include "ttt/core/error.h"
#include "ttt/ops/elementwise.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {
namespace {

using Config = MultiHeadLatentAttention::Config;

CachedAttention make_attention(const Config& c, const Weights& weights, CacheLayer cache) {
  const auto where = "MultiHeadLatentAttention " + weights.path();
  if (c.qk_nope_head_dim <= 0 || c.v_head_dim <= 0 || c.qk_rope_head_dim != c.rope.config().dim)
    throw ConfigError(where, "head dims must be positive, and the rotary dim that of the rotated columns");
  for (const std::int64_t columns : {c.qk_nope_head_dim + std::int64_t{c.qk_rope_head_dim}, std::int64_t{c.v_head_dim}})
    if (c.num_heads > 0 && columns > (1 << 24) / c.num_heads)
      throw ConfigError(where, "heads of that many columns are more than 2^24 columns");
  CachedAttention attention{.num_heads = c.num_heads,
                            .num_kv_heads = 1,
                            .k_dim = c.qk_rope_head_dim + c.kv_lora_rank,
                            .v_dim = c.kv_lora_rank,
                            .scale = c.scale,
                            .mask = c.mask,
                            .rope = c.rope,
                            .sinks = nullptr,
                            .cache = cache};
  attention.check(where);
  return attention;
}

Linear make_query(const Config& c, const Weights& weights, Device& device) {
  const int rows = c.num_heads * (c.qk_nope_head_dim + c.qk_rope_head_dim);
  if (c.q_lora_rank) return Linear({*c.q_lora_rank, rows}, weights / "q_b_proj", device);
  return Linear({c.hidden_size, rows}, weights / "q_proj", device);
}

std::vector<Linear> by_head(int num_heads, const Linear::Config& config, const Weights& weights, Device& device) {
  std::vector<Linear> result;
  for (int h = 0; h < num_heads; ++h) result.emplace_back(config, weights / h, device);
  return result;
}

}  // namespace

MultiHeadLatentAttention::MultiHeadLatentAttention(const Config& c, const Weights& weights, Device& device,
                                                   CacheLayer cache)
    : nope_(c.qk_nope_head_dim),
      rope_(c.qk_rope_head_dim),
      v_head_dim_(c.v_head_dim),
      attention_(make_attention(c, weights, cache)),
      query_(make_query(c, weights, device)),
      latent_down_({c.hidden_size, c.kv_lora_rank + c.qk_rope_head_dim, c.bias}, weights / "kv_a_proj_with_mqa",
                   device),
      latent_norm_({c.kv_lora_rank, c.latent_norm_eps}, weights / "kv_a_layernorm", device),
      key_up_(by_head(c.num_heads, {c.qk_nope_head_dim, c.kv_lora_rank}, weights / "k_b_proj", device)),
      value_up_(by_head(c.num_heads, {c.kv_lora_rank, c.v_head_dim}, weights / "v_b_proj", device)),
      output_({c.num_heads * c.v_head_dim, c.hidden_size, c.bias}, weights / "o_proj", device) {
  if (!c.q_lora_rank) return;
  query_down_.emplace(Linear::Config{c.hidden_size, *c.q_lora_rank, c.bias}, weights / "q_a_proj", device);
  query_norm_.emplace(RMSNorm::Config{*c.q_lora_rank, c.latent_norm_eps}, weights / "q_a_layernorm", device);
}

/// Per head [rope, latent]: the columns to rotate, then the rest in the latent space.
Matrix MultiHeadLatentAttention::queries(ConstMatrix x, Step& step, Workspace::Frame& frame) const {
  const Matrix queries = frame.matrix(x.rows, attention_.num_heads * attention_.k_dim);
  const Matrix q = frame.matrix(x.rows, query_.out_features());
  if (query_down_) {
    const Matrix low = frame.matrix(x.rows, query_down_->out_features());
    query_down_->forward(x, step, low);
    query_norm_->forward(low, step, low);
    query_.forward(low, step, q);
  } else {
    query_.forward(x, step, q);
  }
  for (int h = 0; h < attention_.num_heads; ++h) {
    const Matrix head = queries.col_range(h * attention_.k_dim, attention_.k_dim);
    ops::run<ops::Copy>(step.device(),
                        {.x = q.col_range(h * query_dim() + nope_, rope_), .y = head.col_range(0, rope_)});
    key_up_[static_cast<std::size_t>(h)].forward(q.col_range(h * query_dim(), nope_), step,
                                                 head.col_range(rope_, latent()));
  }
  return queries;
}

void MultiHeadLatentAttention::forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output) const {
  Workspace::Frame frame(step.workspace());
  const Matrix q = queries(x, step, frame);
  const Matrix down = frame.matrix(x.rows, latent() + rope_), key = frame.matrix(x.rows, rope_ + latent());
  latent_down_.forward(x, step, down);
  ops::run<ops::Copy>(step.device(), {.x = down.col_range(latent(), rope_), .y = key.col_range(0, rope_)});
  latent_norm_.forward(down.col_range(0, latent()), step, key.col_range(rope_, latent()));

  const Matrix latents = frame.matrix(x.rows, attention_.num_heads * latent());
  attention_.forward(q, key, key.col_range(rope_, latent()), step, latents);
  const Matrix heads = frame.matrix(x.rows, attention_.num_heads * v_head_dim_);
  for (int h = 0; h < attention_.num_heads; ++h)
    value_up_[static_cast<std::size_t>(h)].forward(latents.col_range(h * latent(), latent()), step,
                                                   heads.col_range(h * v_head_dim_, v_head_dim_));
  output_.forward(heads, step, out, {.scale = output.scale, .write = output.write});
}

std::uint64_t MultiHeadLatentAttention::weight_bytes() const {
  std::uint64_t total =
      query_.weight_bytes() + latent_down_.weight_bytes() + latent_norm_.weight_bytes() + output_.weight_bytes();
  if (query_down_) total += query_down_->weight_bytes() + query_norm_->weight_bytes();
  for (const auto* layers : {&key_up_, &value_up_})
    for (const auto& layer : *layers) total += layer.weight_bytes();
  return total;
}

std::int64_t MultiHeadLatentAttention::workspace_cols() const {
  const std::int64_t down = query_down_ ? query_down_->out_features() : 0;
  return attention_.num_heads * (attention_.k_dim + latent() + v_head_dim_) + query_.out_features() + down +
         2 * attention_.k_dim;
}

}  // namespace ttt::inline v2
