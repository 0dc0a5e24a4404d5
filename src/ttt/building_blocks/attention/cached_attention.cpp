#include "ttt/building_blocks/attention/cached_attention.h"

#include <fmt/format.h>

#include <algorithm>

#include "ttt/core/error.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {

void CachedAttention::check(const std::string& where) const {
  if (num_heads <= 0 || num_kv_heads <= 0 || k_dim <= 0 || v_dim <= 0)
    throw ConfigError(where, fmt::format("num_heads {}, num_kv_heads {} and head dims {} and {} must be positive",
                                         num_heads, num_kv_heads, k_dim, v_dim));
  // What the projections' sizes are computed from, as int.
  constexpr std::int64_t kMostColumns = std::int64_t{1} << 24;
  if (std::int64_t{num_heads} * std::max(k_dim, v_dim) > kMostColumns)
    throw ConfigError(where, fmt::format("{} heads of {} columns are more than {} columns", num_heads,
                                         std::max(k_dim, v_dim), kMostColumns));
  if (num_heads % num_kv_heads != 0)
    throw ConfigError(where, fmt::format("num_heads {} is not a multiple of num_kv_heads {}", num_heads, num_kv_heads));
  if (rope && 2 * rope->config().pairs() > k_dim)
    throw ConfigError(where, fmt::format("rotary dim {} exceeds the head dim {}", rope->config().dim, k_dim));
  if (mask.window_size && *mask.window_size <= 0)
    throw ConfigError(where, fmt::format("window {} must be positive", *mask.window_size));
}

void CachedAttention::forward(Matrix q, ConstMatrix k, ConstMatrix v, Step& step, Matrix out) const {
  const auto plan = step.plan();
  const auto view = step.cache_layer(cache.index);
  ops::RotaryAppend::Args append{
      .plan = plan, .cache = view, .q = q, .k = k, .v = v, .num_heads = num_heads, .cos = {}, .sin = {}};
  if (rope) {
    const auto rows = step.rotary(*rope);
    append.rotary_dim = 2 * rope->config().pairs();
    append.style = rope->config().style;
    append.cos = rows.cos;
    append.sin = rows.sin;
  }
  ops::run<ops::RotaryAppend>(step.device(), append);
  ops::run<ops::Attention>(step.device(), {.plan = plan,
                                           .cache = view,
                                           .q = q,
                                           .out = out,
                                           .num_heads = num_heads,
                                           .mask = mask,
                                           .scale = scale,
                                           .softcap = softcap,
                                           .sinks = sinks.get()});
}

}  // namespace ttt::inline v2
