#include "linear.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "linear_input.h"
#include "linear_kernels.h"
#include "scratch.h"
#include "ttt/core/error.h"

namespace ttt::cpu {

const LinearKernels& linear_kernels(const Isa& isa) {
#if defined(__x86_64__)
  if (isa.level == Isa::Level::avx512 && isa.vnni) return avx512_linear_kernels();
  if (isa.level == Isa::Level::avx_vnni) return avx_vnni_linear_kernels();
  if (isa.level != Isa::Level::generic) return avx2_linear_kernels();
#endif
  (void)isa;
  return generic_linear_kernels();
}

namespace {

using ops::Write;

const CpuPackedMatrix& packed(const ops::PackedMatrix& weight) { return static_cast<const CpuPackedMatrix&>(weight); }

/// Room for one call's products of a matrix, which each thread keeps; I tells two that are in use at once apart. Whole
/// tiles of AMX, which have room for the two parts of few tokens in bf16, too.
template <int I>
float* tile_scratch(const LinearInput& input) {
  thread_local Scratch<float> buffer;
  static_assert(2 * Bf16Kernels::kMostTokensOfTwoParts <= kTileTokens);
  const auto tokens = (input.tokens_per_call() + kTileTokens - 1) / kTileTokens * kTileTokens;
  return buffer.at_least(static_cast<std::size_t>(tokens * input.stride()));
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

const ops::PackedMatrix& first_of(const LinearPart& part) { return *part.weight; }
const ops::PackedMatrix& first_of(const GatedPart& part) { return *part.gate; }

/// Spreads the panels of the parts' matrices over the team and calls `tile(part, task index, task, first_token,
/// tokens)`.
template <class Part, class F>
void for_each_tile(CpuDevice& device, std::span<const Part> parts, const LinearInput& input, F tile) {
  const auto ceil_div = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
  std::vector<std::int64_t> ends;  // of each part's runs of rows, in the order of tasks
  for (const auto& part : parts)
    ends.push_back((ends.empty() ? 0 : ends.back()) + num_tasks(packed(first_of(part)), input.width()));
  const std::int64_t row_tasks = ends.back(), step = input.tokens_per_call();
  const std::int64_t token_tasks = input.token_tasks(row_tasks, device.pool().size());
  device.pool().run(row_tasks * token_tasks, [&](std::int64_t i) {
    const auto end = std::ranges::upper_bound(ends, i / token_tasks);
    const Part& part = parts[static_cast<std::size_t>(end - ends.begin())];
    const std::int64_t index = i / token_tasks - (end == ends.begin() ? 0 : *std::prev(end));
    const std::int64_t share = ceil_div(ceil_div(part.rows, token_tasks), kTileTokens) * kTileTokens;
    const std::int64_t first = i % token_tasks * share, last = std::min(part.rows, first + share);
    const Task task = task_at(packed(first_of(part)), input.width(), index);
    for (std::int64_t t = first; t < last; t += step)
      tile(part, index, task, part.first + t, static_cast<int>(std::min(step, last - t)));
  });
}

template <class Part>
std::vector<TokenRange> ranges_of(std::span<const Part> parts) {
  std::vector<TokenRange> ranges;
  for (const auto& part : parts) ranges.push_back({part.first, part.rows});
  return ranges;
}

/// Adds the bias to a tile's rows; the columns beyond `cols` are padding.
void add_bias(float* row, const float* bias, std::int64_t first, std::int64_t cols) {
  if (bias == nullptr) return;
  for (std::int64_t i = 0; i < cols; ++i) row[i] += bias[first + i];
}

/// y = scale * x, or y + scale * x.
void write_row(Write write, float scale, std::span<const float> x, float* y) {
  if (write == Write::add)
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += scale * x[i];
  else
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = scale * x[i];
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

void linear_parts(CpuDevice& device, std::span<const LinearPart> parts, ConstMatrix x, Matrix y, Activation activation,
                  float scale, Write write) {
  const auto& kernels = linear_kernels(device.isa());
  std::vector<const CpuPackedMatrix*> weights;
  for (const auto& part : parts) weights.push_back(&packed(*part.weight));
  const LinearInput input(device, kernels, x, weights, ranges_of(parts));
  for_each_tile(device, parts, input,
                [&](const LinearPart& part, std::int64_t, const Task& task, std::int64_t token, int tokens) {
                  float* tile = tile_scratch<0>(input);
                  input.products(task.range(), token, tokens, tile, input.stride());
                  for (std::int64_t t = 0; t < tokens; ++t) {
                    float* row = tile + t * input.stride();
                    add_bias(row, part.bias, task.first, task.cols);
                    kernels.activate(activation, row, task.count * kPanelRows);
                    write_row(write, scale, {row, static_cast<std::size_t>(task.cols)}, y.row(token + t) + task.first);
                  }
                });
}

void gated_parts(CpuDevice& device, std::span<const GatedPart> parts, ConstMatrix x, Matrix y,
                 const GatedActivation& activation) {
  const auto& kernels = linear_kernels(device.isa());
  const auto same_rows = [](const auto& a, const auto& b) { return a.layout.rows == b.layout.rows; };
  std::vector<const CpuPackedMatrix*> weights;
  for (const auto& part : parts) {
    weights.insert(weights.end(), {&packed(*part.gate), &packed(*part.up)});
    if (!std::ranges::equal(packed(*part.gate).sections(), packed(*part.up).sections(), same_rows))
      throw DeviceError(device.config().name, "gated_linear: gate and up must be fused from parts of equal rows");
  }
  const LinearInput input(device, kernels, x, weights, ranges_of(parts));
  for_each_tile(device, parts, input,
                [&](const GatedPart& part, std::int64_t index, const Task& task, std::int64_t token, int tokens) {
                  float* gates = tile_scratch<0>(input);
                  float* ups = tile_scratch<1>(input);
                  input.products(task.range(), token, tokens, gates, input.stride());
                  input.products(task_at(packed(*part.up), input.width(), index).range(), token, tokens, ups,
                                 input.stride());
                  for (std::int64_t t = 0; t < tokens; ++t) {
                    float* g = gates + t * input.stride();
                    float* u = ups + t * input.stride();
                    add_bias(g, part.gate_bias, task.first, task.cols);
                    add_bias(u, part.up_bias, task.first, task.cols);
                    join_gate(kernels, activation, g, u, task.count * kPanelRows);
                    std::copy_n(g, task.cols, y.row(token + t) + task.first);
                  }
                });
}

void linear(Device& device, const ops::Linear::Args& a) {
  const std::array parts{LinearPart{&a.weight, a.bias, 0, a.x.rows}};
  linear_parts(cpu_device(device), parts, a.x, a.y, a.activation, a.scale, a.write);
}

void gated_linear(Device& device, const ops::GatedLinear::Args& a) {
  const std::array parts{GatedPart{&a.gate, &a.up, a.gate_bias, a.up_bias, 0, a.x.rows}};
  gated_parts(cpu_device(device), parts, a.x, a.y, a.activation);
}

void embed(Device& device, const ops::Embed::Args& a) {
  const auto cols = static_cast<std::size_t>(a.weight.cols());
  cpu_device(device).pool().run(static_cast<std::int64_t>(a.ids.size()), [&](std::int64_t t) {
    thread_local Scratch<float> buffer;
    const std::span row(buffer.at_least(cols), cols);
    a.weight.unpack_row(a.ids[static_cast<std::size_t>(t)], row);
    write_row(a.write, a.scale, row, a.y.row(t));
  });
}

}  // namespace ttt::cpu
