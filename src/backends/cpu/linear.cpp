#include "linear.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "amx_linear.h"
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

/// AMX for this call, or null. Its sums differ from those for few tokens, so a device that promises the same bits for
/// any batch goes without, and splitting weights in bf16 pays from some tokens on only.
const AmxKernels* amx_for(const CpuDevice& device, std::int64_t tokens) {
#if defined(__x86_64__)
  constexpr std::int64_t kFewest = 32;
  if (device.isa().amx && !device.exact() && device.options().batch_invariance == BatchInvariance::off &&
      tokens >= kFewest)
    return &amx_kernels();
#endif
  (void)device, (void)tokens;
  return nullptr;
}

/// One call's input: as it is, and in the form that the kernels want: split for AMX, else in integers for integer
/// weights.
class Input {
 public:
  Input(CpuDevice& device, const LinearKernels& kernels, ConstMatrix x,
        std::initializer_list<const CpuPackedMatrix*> weights)
      : kernels_(kernels), x_(x), amx_(amx_for(device, x.rows)), params_(device.linear_params()) {
    const auto wants = [](const CpuPackedMatrix* w) {
      return std::ranges::any_of(w->sections(), [](const auto& s) { return is_integer(s.layout.kind); });
    };
    if (amx_ != nullptr)
      split(device);
    else if (!device.exact() && std::ranges::any_of(weights, wants))
      quantize(device);
  }

  /// Tokens of one call to `products`. AMX splits weights in every call, and so wants many.
  std::int64_t tokens_per_call() const {
    // A whole number of the tiles that quantize_row fills.
    const std::int64_t tile = kernels_.tile_tokens;
    const std::int64_t most = std::min<std::int64_t>(params_.tokens_per_tile, x_.rows);
    return amx_ != nullptr ? 512 : (most + tile - 1) / tile * tile;
  }
  /// Panels of one task.
  std::int64_t width() const { return stride() / kPanelRows; }
  /// Floats between two tokens of a call's output. Bounded, as each thread keeps room for a call.
  std::int64_t stride() const { return std::min(params_.rows_per_task, 4096); }

  /// Writes tokens up to the next multiple of 16.
  void products(const PanelRange& w, std::int64_t token, int tokens, float* out, std::int64_t stride) const {
    if (amx_ != nullptr)
      amx_->products(w, split_, token, tokens, out, stride);
    else if (quantized_ && is_integer(w.layout.kind))
      kernels_.integer_products(w, rows_, token, tokens, out, stride);
    else
      kernels_.float_products(w, x_.row(token), x_.stride, tokens, out, stride);
  }

 private:
  void split(CpuDevice& device) {
    const std::int64_t padded = (x_.cols + 31) / 32 * 32, rows = (x_.rows + 15) / 16 * 16;
    auto* high = scratch<std::uint16_t>(static_cast<std::size_t>(2 * rows * padded));
    auto* low = high + rows * padded;
    device.pool().run(rows / 16, [&](std::int64_t tile) {
      for (std::int64_t t = tile * 16; t < std::min(x_.rows, (tile + 1) * 16); ++t)
        amx_->split_row(x_.row(t), x_.cols, padded, high + t * padded, low + t * padded);
    });
    split_ = {high, low, padded};
  }

  void quantize(CpuDevice& device) {
    quantized_ = true;
    const std::int64_t groups = (x_.cols + kGroup - 1) / kGroup;
    const auto cells = static_cast<std::size_t>(x_.rows * groups);
    rows_ = {scratch<std::int8_t>(cells * QuantizedRows::kCodeBytes),
             scratch<float>(cells * (1 + QuantizedRows::kSums)), scratch<std::int32_t>(cells * QuantizedRows::kSums),
             nullptr, groups};
    rows_.scaled_sums = rows_.scales + cells;
    const auto quantize_tile = [&](std::int64_t first, int tokens) {
      for (int t = 0; t < tokens; ++t) kernels_.quantize_row(x_.row(first + t), x_.cols, rows_.tile(first), t, tokens);
    };
    const std::int64_t most = kernels_.tile_tokens, tiles = x_.rows / most;
    for (std::int64_t t = tiles * most; t < x_.rows;) {
      const int tokens = tile_tokens(x_.rows - t, kernels_.tile_tokens);
      quantize_tile(t, tokens);
      t += tokens;
    }
    device.pool().run(tiles, [&](std::int64_t tile) { quantize_tile(tile * most, kernels_.tile_tokens); });
  }

  const LinearKernels& kernels_;
  ConstMatrix x_;
  const AmxKernels* amx_;
  const LinearParams& params_;
  bool quantized_ = false;
  QuantizedRows rows_{};
  SplitRows split_{};
};

/// Room for one call's products of a matrix, which each thread keeps; I tells two that are in use at once apart.
template <int I>
float* tile_scratch(const Input& input) {
  thread_local std::vector<float> buffer;
  const auto tokens = (input.tokens_per_call() + kPanelRows - 1) / kPanelRows * kPanelRows;
  const auto size = static_cast<std::size_t>(tokens * input.stride());
  if (buffer.size() < size) buffer.resize(size);
  return buffer.data();
}

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
      return {&section, panel, static_cast<int>(count), section.first_row + row,
              std::min(count * kPanelRows, section.layout.rows - row)};
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
void for_each_tile(CpuDevice& device, const CpuPackedMatrix& w, const Input& input, std::int64_t tokens, F tile) {
  const std::int64_t step = input.tokens_per_call();
  device.pool().run(num_tasks(w, input.width()), [&](std::int64_t index) {
    const Task task = task_at(w, input.width(), index);
    for (std::int64_t t = 0; t < tokens; t += step) tile(index, task, t, static_cast<int>(std::min(step, tokens - t)));
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
  for_each_tile(cpu, w, input, a.x.rows, [&](std::int64_t, const Task& task, std::int64_t token, int tokens) {
    float* tile = tile_scratch<0>(input);
    input.products(task.range(), token, tokens, tile, input.stride());
    for (std::int64_t t = 0; t < tokens; ++t) {
      float* row = tile + t * input.stride();
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
  for_each_tile(cpu, gate, input, a.x.rows, [&](std::int64_t index, const Task& task, std::int64_t token, int tokens) {
    float* gates = tile_scratch<0>(input);
    float* ups = tile_scratch<1>(input);
    input.products(task.range(), token, tokens, gates, input.stride());
    input.products(task_at(up, input.width(), index).range(), token, tokens, ups, input.stride());
    for (std::int64_t t = 0; t < tokens; ++t) {
      float* g = gates + t * input.stride();
      float* u = ups + t * input.stride();
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
