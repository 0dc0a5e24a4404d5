#include "ttt/ops/kv_layout.h"

#include <fmt/format.h>

#include "ttt/core/error.h"

namespace ttt::inline v2::ops {

KvLayout KvLayout::make(DType dtype, int page_size, int num_kv_heads, int k_dim, int v_dim) {
  if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16 && dtype != DType::i8)
    throw ConfigError("KvLayout", fmt::format("dtype: expected f32, f16, bf16 or i8, got {}", name(dtype)));
  if (page_size <= 0 || page_size % kKeyTile != 0)
    throw ConfigError("KvLayout", fmt::format("page_size: expected a multiple of {}, got {}", kKeyTile, page_size));
  if (num_kv_heads <= 0 || k_dim <= 0 || v_dim <= 0)
    throw ConfigError(
        "KvLayout", fmt::format("num_kv_heads {}, k_dim {} and v_dim {} must be positive", num_kv_heads, k_dim, v_dim));
  const auto align = [](std::size_t bytes) { return (bytes + 63) / 64 * 64; };
  const std::size_t slots = static_cast<std::size_t>(num_kv_heads) * static_cast<std::size_t>(page_size);
  const std::size_t element = info(dtype).block_bytes;
  const std::size_t scales = dtype == DType::i8 ? slots * sizeof(float) : 0;
  KvLayout layout{dtype, page_size, num_kv_heads, k_dim, v_dim, 0, 0, 0, 0};
  layout.v_offset = align(slots * static_cast<std::size_t>(k_dim) * element);
  layout.k_scale_offset = layout.v_offset + align(slots * static_cast<std::size_t>(v_dim) * element);
  layout.v_scale_offset = layout.k_scale_offset + align(scales);
  layout.page_bytes = layout.v_scale_offset + align(scales);
  return layout;
}

}  // namespace ttt::inline v2::ops
