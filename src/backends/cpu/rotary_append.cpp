#include "rotary_append.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "attention_kernels.h"
#include "cpu_device.h"
#include "ttt/formats/dequantize.h"

namespace ttt::cpu {
namespace {

/// The rows of a sequence, of one kv head and its query heads, that one task turns and appends.
struct Task {
  std::size_t sequence;
  int kv_head;
  std::int32_t first_row, num_rows;  ///< of the sequence
};

void rotate(const ops::RotaryAppend::Args& a, std::int64_t row, float* v) {
  if (a.rotary_dim == 0) return;
  const float* cos = a.cos.row(row);
  const float* sin = a.sin.row(row);
  const int half = a.rotary_dim / 2;
  const bool split = a.style == ops::RotaryStyle::half;
  for (int i = 0; i < half; ++i) {
    float& first = v[split ? i : 2 * i];
    float& second = v[split ? i + half : 2 * i + 1];
    const float x = first, y = second;
    first = x * cos[i] - y * sin[i];
    second = y * cos[i] + x * sin[i];
  }
}

/// A vector in the cache's element type: bytes of `count` elements, and for i8 the scale.
float encode(const AttentionKernels& kernels, DType dtype, const float* values, int count, std::byte* out) {
  if (dtype == DType::f16) {
    kernels.to_f16(values, count, reinterpret_cast<std::uint16_t*>(out));
  } else if (dtype == DType::f32) {
    std::memcpy(out, values, static_cast<std::size_t>(count) * sizeof(float));
  } else if (dtype == DType::bf16) {
    for (int d = 0; d < count; ++d) {
      const std::uint16_t bits = f32_to_bf16(values[d]);
      std::memcpy(out + d * 2, &bits, 2);
    }
  } else {
    float most = 0.0f;
    bool finite = true;
    for (int d = 0; d < count; ++d) {
      most = std::max(most, std::fabs(values[d]));
      finite &= std::isfinite(values[d]);
    }
    // No code stands for NaN or infinity; the scale does.
    if (!finite) {
      std::fill_n(out, count, std::byte{0});
      return std::numeric_limits<float>::quiet_NaN();
    }
    // Vectors so small that the inverse overflows count as zero.
    const float inverse = most > 1e-30f ? 127.0f / most : 0.0f;
    for (int d = 0; d < count; ++d)
      out[d] = static_cast<std::byte>(static_cast<std::int8_t>(std::nearbyint(values[d] * inverse)));
    return most / 127.0f;
  }
  return 0.0f;
}

/// Scatters a key into its tile, where consecutive dims are 16 elements apart.
template <class T>
void scatter(const std::byte* from, int count, std::byte* to) {
  for (int d = 0; d < count; ++d)
    std::memcpy(to + static_cast<std::size_t>(d) * ops::KvLayout::kKeyTile * sizeof(T),
                from + static_cast<std::size_t>(d) * sizeof(T), sizeof(T));
}

void append_row(const AttentionKernels& kernels, const ops::RotaryAppend::Args& a, const Task& task, std::int32_t i) {
  const auto& l = a.cache.layout;
  const int h = task.kv_head, group = a.num_heads / l.num_kv_heads;
  const auto& rows = a.plan.sequences[task.sequence];
  const std::int64_t row = rows.first_row + i;
  for (int head = h * group; head < (h + 1) * group; ++head)
    rotate(a, row, a.q.row(row) + static_cast<std::int64_t>(head) * l.k_dim);

  const std::int32_t position = rows.first_position + i;
  std::byte* page = a.cache.page(task.sequence, position);
  const int slot = position % l.page_size;
  const std::size_t element = info(l.dtype).block_bytes;
  thread_local std::vector<float> key;
  thread_local std::vector<std::byte> encoded;
  key.resize(static_cast<std::size_t>(l.k_dim));
  encoded.resize(key.size() * sizeof(float));
  std::copy_n(a.k.row(row) + static_cast<std::int64_t>(h) * l.k_dim, l.k_dim, key.begin());
  rotate(a, row, key.data());
  const float k_scale = encode(kernels, l.dtype, key.data(), l.k_dim, encoded.data());
  std::byte* k = page + l.k_index(h, slot, 0) * element;
  if (element == 4) scatter<std::uint32_t>(encoded.data(), l.k_dim, k);
  if (element == 2) scatter<std::uint16_t>(encoded.data(), l.k_dim, k);
  if (element == 1) scatter<std::uint8_t>(encoded.data(), l.k_dim, k);
  const float v_scale = encode(kernels, l.dtype, a.v.row(row) + static_cast<std::int64_t>(h) * l.v_dim, l.v_dim,
                               page + l.v_offset + l.v_index(h, slot, 0) * element);
  if (l.dtype != DType::i8) return;
  const std::size_t at = static_cast<std::size_t>(h * l.page_size + slot) * sizeof(float);
  std::memcpy(page + l.k_scale_offset + at, &k_scale, sizeof k_scale);
  std::memcpy(page + l.v_scale_offset + at, &v_scale, sizeof v_scale);
}

/// In the order of attention's tasks, so that a thread mostly writes to the keys that it read the step before: those
/// that another has read must first be taken from its caches. None writes to a tile of another.
std::vector<Task> tasks_of(const ops::RotaryAppend::Args& a) {
  constexpr std::int32_t kRows = 64;
  static_assert(kRows % ops::KvLayout::kKeyTile == 0);
  std::vector<Task> tasks;
  for (std::size_t s = 0; s < a.plan.sequences.size(); ++s) {
    const auto& rows = a.plan.sequences[s];
    for (int h = 0; h < a.cache.layout.num_kv_heads; ++h)
      for (std::int32_t row = 0, count = 0; row < rows.num_rows; row += count) {
        count = std::min(kRows - (rows.first_position + row) % kRows, rows.num_rows - row);
        tasks.push_back({s, h, row, count});
      }
  }
  return tasks;
}

}  // namespace

void rotary_append(Device& device, const ops::RotaryAppend::Args& a) {
  auto& cpu = cpu_device(device);
  const auto& kernels = attention_kernels(cpu.isa());
  const auto tasks = tasks_of(a);
  const auto append = [&](std::int64_t t) {
    const Task& task = tasks[static_cast<std::size_t>(t)];
    for (std::int32_t i = 0; i < task.num_rows; ++i) append_row(kernels, a, task, task.first_row + i);
  };
  // So few are done in the time that another thread takes to start.
  constexpr std::size_t kInlineRows = 4;
  const auto num_tasks = static_cast<std::int64_t>(tasks.size());
  if (a.plan.positions.size() <= kInlineRows)
    for (std::int64_t t = 0; t < num_tasks; ++t) append(t);
  else
    cpu.pool().run(num_tasks, append);
}

}  // namespace ttt::cpu
