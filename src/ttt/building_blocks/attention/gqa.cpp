#include "ttt/building_blocks/attention/gqa.h"

#include <array>

namespace ttt::inline v2 {
namespace {

CachedAttention make_attention(const GroupedQueryAttention::Config& c, const Weights& weights, Device& device,
                               CacheLayer cache) {
  CachedAttention attention{.num_heads = c.num_heads,
                            .num_kv_heads = c.num_kv_heads,
                            .k_dim = c.head_dim,
                            .v_dim = c.head_dim,
                            .scale = c.scale,
                            .mask = c.mask,
                            .rope = c.rope,
                            .softcap = c.softcap,
                            .sinks = nullptr,
                            .cache = cache};
  if (c.sinks) attention.sinks = device.upload(weights.take("sinks", {c.num_heads}));
  attention.check("GroupedQueryAttention " + weights.path());
  return attention;
}

Linear make_qkv(const GroupedQueryAttention::Config& c, const Weights& weights, Device& device) {
  const int q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  const std::array<Linear::Part, 3> parts{{{{c.hidden_size, q, c.qkv_bias}, weights / "q_proj"},
                                           {{c.hidden_size, kv, c.qkv_bias}, weights / "k_proj"},
                                           {{c.hidden_size, kv, c.qkv_bias}, weights / "v_proj"}}};
  return Linear::fused(parts, device);
}

}  // namespace

GroupedQueryAttention::GroupedQueryAttention(const Config& c, const Weights& weights, Device& device, CacheLayer cache)
    : attention_(make_attention(c, weights, device, cache)),
      qkv_(make_qkv(c, weights, device)),
      output_({c.num_heads * c.head_dim, c.hidden_size, c.output_bias}, weights / "o_proj", device) {
  if (!c.qk_norm) return;
  query_norm_.emplace(*c.qk_norm, c.num_heads, c.head_dim, weights / "q_norm", device);
  key_norm_.emplace(*c.qk_norm, c.num_kv_heads, c.head_dim, weights / "k_norm", device);
}

void GroupedQueryAttention::forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output) const {
  Workspace::Frame frame(step.workspace());
  const std::int64_t q = attention_.num_heads * attention_.k_dim, kv = attention_.num_kv_heads * attention_.k_dim;
  const Matrix qkv = frame.matrix(x.rows, q + 2 * kv);
  const Matrix heads = frame.matrix(x.rows, q);
  qkv_.forward(x, step, qkv);
  if (query_norm_) {
    query_norm_->forward(qkv.col_range(0, q), step);
    key_norm_->forward(qkv.col_range(q, kv), step);
  }
  attention_.forward(qkv.col_range(0, q), qkv.col_range(q, kv), qkv.col_range(q + kv, kv), step, heads);
  output_.forward(heads, step, out, {.scale = output.scale, .write = output.write});
}

std::int64_t GroupedQueryAttention::workspace_cols() const {
  return qkv_.out_features() + attention_.num_heads * attention_.v_dim;
}

}  // namespace ttt::inline v2
