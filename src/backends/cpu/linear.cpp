#include "linear.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <vector>

#include "cpu_device.h"
#include "linear_kernels.h"
#include "ttt/core/error.h"

namespace ttt::cpu {

const LinearKernels& linear_kernels(const Isa& isa) {
#if defined(__x86_64__)
  if (isa.level == Isa::Level::avx512 && isa.vnni) return avx512_linear_kernels();
  if (isa.level != Isa::Level::generic) return avx2_linear_kernels();
#endif
  (void)isa;
  return generic_linear_kernels();
}

namespace {

using ops::Write;

const CpuPackedMatrix& packed(const ops::PackedMatrix& weight) { return static_cast<const CpuPackedMatrix&>(weight); }

/// Scratch that the calling thread keeps from call to call.
template <class T>
T* scratch(std::size_t count) {
  thread_local std::vector<T> buffer;
  if (buffer.size() < count) buffer.resize(count);
  return buffer.data();
}

/// One call's input: as it is, and in integers when a weight wants them and the precision allows.
class Input {
 public:
  Input(CpuDevice& device, const LinearKernels& kernels, ConstMatrix x, std::initializer_list<const CpuPackedMatrix*> weights)
      : kernels_(kernels), x_(x) {
    const auto wants = [](const CpuPackedMatrix* w) {
      return std::ranges::any_of(w->sections(), [](const auto& s) { return is_integer(s.layout.kind); });
    };
    if (device.exact() || std::ranges::none_of(weights, wants)) return;
    quantized_ = true;
    const std::int64_t groups = (x.cols + kGroup - 1) / kGroup;
    const auto cells = static_cast<std::size_t>(x.rows * groups);
    rows_ = {scratch<std::int8_t>(cells * QuantizedRows::kCodeBytes), scratch<float>(cells * (1 + QuantizedRows::kSums)),
             scratch<std::int32_t>(cells * QuantizedRows::kSums), nullptr, groups};
    rows_.scaled_sums = rows_.scales + cells;
    const auto quantize_tile = [&](std::int64_t first, int tokens) {
      for (int t = 0; t < tokens; ++t) kernels.quantize_row(x.row(first + t), x.cols, rows_.tile(first), t, tokens);
    };
    const std::int64_t most = kernels.tile_tokens, tiles = x.rows / most;
    for (std::int64_t t = tiles * most; t < x.rows;) {
      const int tokens = tile_tokens(x.rows - t, kernels.tile_tokens);
      quantize_tile(t, tokens);
      t += tokens;
    }
    device.pool().run(tiles, [&](std::int64_t tile) { quantize_tile(tile * most, kernels.tile_tokens); });
  }

  void products(const PanelRange& w, std::int64_t token, int tokens, float* out, std::int64_t stride) const {
    if (quantized_ && is_integer(w.layout.kind))
      kernels_.integer_products(w, rows_, token, tokens, out, stride);
    else
      kernels_.float_products(w, x_.row(token), x_.stride, tokens, out, stride);
  }

 private:
  const LinearKernels& kernels_;
  ConstMatrix x_;
  bool quantized_ = false;
  QuantizedRows rows_{};
};

constexpr std::int64_t kTileStride = 4 * kPanelRows;
constexpr std::int64_t kTileTokens = 64;
using Tile = std::array<float, kTileStride * kTileTokens>;

/// Panels that one task computes, and the output columns [first, first + cols) that they hold.
struct Task {
  const CpuPackedMatrix::Section* section;
  std::int64_t panel;
  int count;
  std::int64_t first, cols;

  PanelRange range() const { return {section->layout, section->panel(panel), count}; }
};

/// Task number `index` of a matrix: panels in runs of `width`, section by section.
Task task_at(const CpuPackedMatrix& w, std::int64_t width, std::int64_t index) {
  for (const auto& section : w.sections()) {
    const std::int64_t panels = section.layout.panels(), tasks = (panels + width - 1) / width;
    if (index < tasks) {
      const std::int64_t panel = index * width, count = std::min(width, panels - panel), row = panel * kPanelRows;
      return {&section, panel, static_cast<int>(count), section.first_row + row, std::min(count * kPanelRows, section.layout.rows - row)};
    }
    index -= tasks;
  }
  return {};
}

std::int64_t num_tasks(const CpuPackedMatrix& w, std::int64_t width) {
  std::int64_t tasks = 0;
  for (const auto& section : w.sections()) tasks += (section.layout.panels() + width - 1) / width;
  return tasks;
}

/// Spreads a matrix's panels over the team and calls `tile(task index, task, first_token, tokens)`.
template <class F>
void for_each_tile(CpuDevice& device, const LinearKernels& kernels, const CpuPackedMatrix& w, std::int64_t tokens, F tile) {
  device.pool().run(num_tasks(w, kernels.max_panels), [&](std::int64_t index) {
    const Task task = task_at(w, kernels.max_panels, index);
    for (std::int64_t t = 0; t < tokens; t += kTileTokens) tile(index, task, t, static_cast<int>(std::min(kTileTokens, tokens - t)));
  });
}

/// Adds the bias to a tile's rows; the columns beyond `cols` are padding.
void add_bias(float* row, const float* bias, std::int64_t first, std::int64_t cols) {
  if (bias == nullptr) return;
  for (std::int64_t i = 0; i < cols; ++i) row[i] += bias[first + i];
}

/// gate[i] = activate(a, gate[i], up[i]).
void join_gate(const LinearKernels& kernels, const GatedActivation& a, float* gate, float* up, std::int64_t count) {
  if (!a.is_plain())
    for (std::int64_t i = 0; i < count; ++i) {
      gate[i] = a.alpha * std::min(gate[i], a.limit);
      up[i] = (std::clamp(up[i], -a.limit, a.limit) + a.up_offset) / a.alpha;
    }
  kernels.activate(a.activation, gate, count);
  for (std::int64_t i = 0; i < count; ++i) gate[i] *= up[i];
}

}  // namespace

void linear(Device& device, const ops::Linear::Args& a) {
  auto& cpu = cpu_device(device);
  const auto& kernels = linear_kernels(cpu.isa());
  const auto& w = packed(a.weight);
  const Input input(cpu, kernels, a.x, {&w});
  for_each_tile(cpu, kernels, w, a.x.rows, [&](std::int64_t, const Task& task, std::int64_t token, int tokens) {
    alignas(64) Tile tile;
    input.products(task.range(), token, tokens, tile.data(), kTileStride);
    for (std::int64_t t = 0; t < tokens; ++t) {
      float* row = tile.data() + t * kTileStride;
      float* y = a.y.row(token + t) + task.first;
      add_bias(row, a.bias, task.first, task.cols);
      kernels.activate(a.activation, row, task.count * kPanelRows);
      for (std::int64_t i = 0; i < task.cols; ++i) {
        const float value = a.scale * row[i];
        y[i] = a.write == Write::add ? y[i] + value : value;
      }
    }
  });
}

void gated_linear(Device& device, const ops::GatedLinear::Args& a) {
  auto& cpu = cpu_device(device);
  const auto& kernels = linear_kernels(cpu.isa());
  const auto& gate = packed(a.gate);
  const auto& up = packed(a.up);
  const auto same_rows = [](const auto& x, const auto& y) { return x.layout.rows == y.layout.rows; };
  if (!std::ranges::equal(gate.sections(), up.sections(), same_rows))
    throw DeviceError(device.config().name, "gated_linear: gate and up must be fused from parts of equal rows");
  const Input input(cpu, kernels, a.x, {&gate, &up});
  for_each_tile(cpu, kernels, gate, a.x.rows, [&](std::int64_t index, const Task& task, std::int64_t token, int tokens) {
    alignas(64) Tile gates;
    alignas(64) Tile ups;
    input.products(task.range(), token, tokens, gates.data(), kTileStride);
    input.products(task_at(up, kernels.max_panels, index).range(), token, tokens, ups.data(), kTileStride);
    for (std::int64_t t = 0; t < tokens; ++t) {
      float* g = gates.data() + t * kTileStride;
      float* u = ups.data() + t * kTileStride;
      float* y = a.y.row(token + t) + task.first;
      add_bias(g, a.gate_bias, task.first, task.cols);
      add_bias(u, a.up_bias, task.first, task.cols);
      join_gate(kernels, a.activation, g, u, task.count * kPanelRows);
      std::copy_n(g, task.cols, y);
    }
  });
}

void embed(Device&, const ops::Embed::Args& a) {
  std::vector<float> row(static_cast<std::size_t>(a.weight.cols()));
  for (std::size_t t = 0; t < a.ids.size(); ++t) {
    a.weight.unpack_row(a.ids[t], row);
    float* y = a.y.row(static_cast<std::int64_t>(t));
    for (std::size_t i = 0; i < row.size(); ++i) {
      const float value = a.scale * row[i];
      y[i] = a.write == Write::add ? y[i] + value : value;
    }
  }
}

}  // namespace ttt::cpu
