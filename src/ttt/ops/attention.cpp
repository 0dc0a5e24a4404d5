#include "ttt/ops/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/ops/shape_check.h"

namespace ttt::inline v2::ops {
namespace {

template <class T>
T load(const std::byte* base, std::size_t index) {
  T value;
  std::memcpy(&value, base + index * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void save(std::byte* base, std::size_t index, T value) {
  std::memcpy(base + index * sizeof(T), &value, sizeof(T));
}

float read(DType dtype, const std::byte* base, std::size_t index, float scale) {
  switch (dtype) {
    case DType::f16:
      return f16_to_f32(load<std::uint16_t>(base, index));
    case DType::bf16:
      return bf16_to_f32(load<std::uint16_t>(base, index));
    case DType::i8:
      return scale * static_cast<float>(load<std::int8_t>(base, index));
    default:
      return load<float>(base, index);
  }
}

void store(DType dtype, std::byte* base, std::size_t index, float value) {
  switch (dtype) {
    case DType::f16:
      return save(base, index, f32_to_f16(value));
    case DType::bf16:
      return save(base, index, f32_to_bf16(value));
    default:
      return save(base, index, value);
  }
}

/// Stores one head's vector; for i8 also its scale, max |v| / 127. Where a value is not finite, the scale is NaN.
template <class Index>
void store_vector(const KvLayout& l, std::byte* base, std::byte* scales, std::size_t slot_index, const float* v,
                  int dim, Index index) {
  if (l.dtype != DType::i8) {
    for (int d = 0; d < dim; ++d) store(l.dtype, base, index(d), v[d]);
    return;
  }
  float most = 0.0f;
  for (int d = 0; d < dim; ++d) most = std::max(most, std::abs(v[d]));
  const bool finite = std::all_of(v, v + dim, [](float value) { return std::isfinite(value); });
  save(scales, slot_index, finite ? most / 127.0f : std::numeric_limits<float>::quiet_NaN());
  // Vectors so small that the inverse overflows count as zero.
  const float inverse = finite && most > 1e-30f ? 127.0f / most : 0.0f;
  for (int d = 0; d < dim; ++d)
    save(base, index(d), static_cast<std::int8_t>(finite ? std::nearbyint(v[d] * inverse) : 0.0f));
}

/// Rotates the first `dim` values of a head.
void rotate(float* v, int dim, RotaryStyle style, const float* cos, const float* sin) {
  for (int i = 0; i < dim / 2; ++i) {
    float& a = v[style == RotaryStyle::half ? i : 2 * i];
    float& b = v[style == RotaryStyle::half ? i + dim / 2 : 2 * i + 1];
    const float x = a, y = b;
    a = x * cos[i] - y * sin[i];
    b = y * cos[i] + x * sin[i];
  }
}

/// What both ops need of a step and the cache it goes to.
void check_step(std::string_view op, const BatchPlan& plan, const KvLayerView& cache, int num_heads) {
  expect_count(op, "sequences of the cache", static_cast<std::int64_t>(cache.sequences.size()),
               static_cast<std::int64_t>(plan.sequences.size()));
  if (num_heads <= 0 || num_heads % cache.layout.num_kv_heads != 0)
    throw ShapeError(op, fmt::format("{} heads over {} of the cache", num_heads, cache.layout.num_kv_heads));
}

}  // namespace

void RotaryAppend::check(const Args& a) {
  const auto& layout = a.cache.layout;
  const auto rows = static_cast<std::int64_t>(a.plan.positions.size());
  check_step(name, a.plan, a.cache, a.num_heads);
  expect_shape(name, "q", a.q, rows, std::int64_t{a.num_heads} * layout.k_dim);
  expect_shape(name, "k", a.k, rows, std::int64_t{layout.num_kv_heads} * layout.k_dim);
  expect_shape(name, "v", a.v, rows, std::int64_t{layout.num_kv_heads} * layout.v_dim);
  if (a.rotary_dim < 0 || a.rotary_dim % 2 != 0 || a.rotary_dim > layout.k_dim)
    throw ShapeError(name, fmt::format("rotary_dim {} of heads of {}", a.rotary_dim, layout.k_dim));
  if (a.rotary_dim == 0) return;
  expect_shape(name, "cos", a.cos, rows, a.rotary_dim / 2);
  expect_shape(name, "sin", a.sin, rows, a.rotary_dim / 2);
}

void Attention::check(const Args& a) {
  const auto& layout = a.cache.layout;
  const auto rows = static_cast<std::int64_t>(a.plan.positions.size());
  check_step(name, a.plan, a.cache, a.num_heads);
  expect_shape(name, "q", a.q, rows, std::int64_t{a.num_heads} * layout.k_dim);
  expect_shape(name, "out", a.out, rows, std::int64_t{a.num_heads} * layout.v_dim);
}

void RotaryAppend::reference(Device&, const Args& a) {
  const auto& l = a.cache.layout;
  std::vector<float> key(static_cast<std::size_t>(l.k_dim));
  for (std::size_t s = 0; s < a.plan.sequences.size(); ++s) {
    const auto& rows = a.plan.sequences[s];
    for (std::int32_t i = 0; i < rows.num_rows; ++i) {
      const std::int64_t t = rows.first_row + i;
      const std::int32_t position = rows.first_position + i;
      const float* cos = a.rotary_dim ? a.cos.row(t) : nullptr;
      const float* sin = a.rotary_dim ? a.sin.row(t) : nullptr;
      for (int h = 0; h < a.num_heads; ++h) rotate(a.q.row(t) + h * l.k_dim, a.rotary_dim, a.style, cos, sin);
      std::byte* page = a.cache.page(s, position);
      const int slot = position % l.page_size;
      for (int h = 0; h < l.num_kv_heads; ++h) {
        const auto scale_index = static_cast<std::size_t>(h * l.page_size + slot);
        std::copy_n(a.k.row(t) + h * l.k_dim, l.k_dim, key.begin());
        rotate(key.data(), a.rotary_dim, a.style, cos, sin);
        store_vector(l, page, page + l.k_scale_offset, scale_index, key.data(), l.k_dim,
                     [&](int d) { return l.k_index(h, slot, d); });
        store_vector(l, page + l.v_offset, page + l.v_scale_offset, scale_index, a.v.row(t) + h * l.v_dim, l.v_dim,
                     [&](int d) { return l.v_index(h, slot, d); });
      }
    }
  }
}

namespace {

/// One query head at one position over its keys.
void attend(const Attention::Args& a, std::size_t sequence, std::int32_t first, std::int32_t last, int head,
            const float* q, float* out) {
  const auto& l = a.cache.layout;
  const int kv_head = head * l.num_kv_heads / a.num_heads;
  const auto scale_of = [&](std::int32_t j, std::size_t offset) {
    if (l.dtype != DType::i8) return 1.0f;
    return load<float>(a.cache.page(sequence, j) + offset,
                       static_cast<std::size_t>(kv_head * l.page_size + j % l.page_size));
  };
  std::vector<double> p;
  double most = a.sinks ? static_cast<double>(a.sinks[head]) : -INFINITY;
  for (std::int32_t j = first; j <= last; ++j) {
    double s = 0;
    const float scale = scale_of(j, l.k_scale_offset);
    for (int d = 0; d < l.k_dim; ++d)
      s += static_cast<double>(q[d]) *
           read(l.dtype, a.cache.page(sequence, j), l.k_index(kv_head, j % l.page_size, d), scale);
    s *= a.scale;
    if (a.softcap > 0) s = a.softcap * std::tanh(s / a.softcap);
    p.push_back(s);
    most = std::max(most, s);
  }
  double sum = a.sinks ? std::exp(a.sinks[head] - most) : 0.0;
  std::vector<double> result(static_cast<std::size_t>(l.v_dim), 0.0);
  for (std::int32_t j = first; j <= last; ++j) {
    const double weight = std::exp(p[static_cast<std::size_t>(j - first)] - most);
    const float scale = scale_of(j, l.v_scale_offset);
    sum += weight;
    for (int d = 0; d < l.v_dim; ++d)
      result[static_cast<std::size_t>(d)] +=
          weight * read(l.dtype, a.cache.page(sequence, j) + l.v_offset, l.v_index(kv_head, j % l.page_size, d), scale);
  }
  for (int d = 0; d < l.v_dim; ++d) out[d] = static_cast<float>(result[static_cast<std::size_t>(d)] / sum);
}

}  // namespace

void Attention::reference(Device&, const Args& a) {
  const auto& l = a.cache.layout;
  for (std::size_t s = 0; s < a.plan.sequences.size(); ++s) {
    const auto& rows = a.plan.sequences[s];
    for (std::int32_t i = 0; i < rows.num_rows; ++i) {
      const std::int32_t position = rows.first_position + i;
      const std::int32_t last =
          a.mask.kind == Mask::Kind::bidirectional ? rows.first_position + rows.num_rows - 1 : position;
      const std::int32_t first = a.mask.window_size ? std::max(0, position - *a.mask.window_size + 1) : 0;
      for (int h = 0; h < a.num_heads; ++h)
        attend(a, s, first, last, h, a.q.row(rows.first_row + i) + h * l.k_dim,
               a.out.row(rows.first_row + i) + h * l.v_dim);
    }
  }
}

Work Attention::work(const Args& a) {
  const auto& layout = a.cache.layout;
  const std::uint64_t flops_per_key = 2 * static_cast<std::uint64_t>(a.num_heads) * (layout.k_dim + layout.v_dim);
  const std::uint64_t bytes_per_key = layout.page_bytes / static_cast<std::size_t>(layout.page_size);
  const std::int64_t window = a.mask.window_size.value_or(std::numeric_limits<std::int32_t>::max());
  Work work;
  for (const auto& rows : a.plan.sequences) {
    const std::int64_t length = rows.first_position + rows.num_rows;
    for (std::int64_t position = rows.first_position; position < length; ++position) {
      const auto seen = a.mask.kind == Mask::Kind::bidirectional ? length : std::min(position + 1, window);
      work.flops += flops_per_key * static_cast<std::uint64_t>(seen);
    }
    const auto read = std::min<std::int64_t>(length, rows.num_rows - 1 + window);
    work.bytes += bytes_per_key * static_cast<std::uint64_t>(read);
  }
  return work;
}

}  // namespace ttt::inline v2::ops
