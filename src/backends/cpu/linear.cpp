#include "linear.h"

#include <algorithm>
#include <array>
#include <vector>

#include "cpu_device.h"
#include "linear_kernels.h"

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

/// One call's input: as it is, or in integers when the weights are integers and the precision allows.
class Input {
 public:
  Input(CpuDevice& device, const LinearKernels& kernels, ConstMatrix x, bool quantize) : kernels_(kernels), x_(x), quantized_(quantize) {
    if (!quantize) return;
    const std::int64_t groups = (x.cols + kGroup - 1) / kGroup;
    const auto cells = static_cast<std::size_t>(x.rows * groups);
    auto* codes = scratch<std::int8_t>(cells * 2 * kGroup);
    auto* scales = scratch<float>(cells);
    auto* sums = scratch<std::int32_t>(cells);
    const auto quantize_row = [&](std::int64_t t) {
      kernels.quantize_row(x.row(t), x.cols, codes + t * groups * 2 * kGroup, scales + t * groups, sums + t * groups);
    };
    // Waking the team costs more than a few rows.
    constexpr std::int64_t kInline = 4, kRowsPerTask = 16;
    if (x.rows <= kInline) {
      for (std::int64_t t = 0; t < x.rows; ++t) quantize_row(t);
    } else {
      device.pool().run((x.rows + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task) {
        for (auto t = task * kRowsPerTask; t < std::min(x.rows, (task + 1) * kRowsPerTask); ++t) quantize_row(t);
      });
    }
    rows_ = {codes, scales, sums, groups};
  }

  void products(const CpuPackedMatrix& w, std::int64_t panel, int panels, std::int64_t token, int tokens, float* out,
                std::int64_t stride) const {
    if (quantized_)
      kernels_.integer_products(w, panel, panels, rows_, token, tokens, out, stride);
    else
      kernels_.float_products(w, panel, panels, x_.row(token), x_.stride, tokens, out, stride);
  }

 private:
  const LinearKernels& kernels_;
  ConstMatrix x_;
  bool quantized_;
  QuantizedRows rows_{};
};

/// Spreads [panel groups] x [token tiles] over the team and calls `tile(first_panel, panels, first_token, tokens)`.
template <class F>
void for_each_tile(CpuDevice& device, const LinearKernels& kernels, std::int64_t panels, std::int64_t tokens, F tile) {
  const std::int64_t width = kernels.max_panels, tasks = (panels + width - 1) / width;
  device.pool().run(tasks, [&](std::int64_t task) {
    const int count = static_cast<int>(std::min(width, panels - task * width));
    for (std::int64_t t = 0; t < tokens; t += kernels.max_tokens)
      tile(task * width, count, t, static_cast<int>(std::min<std::int64_t>(kernels.max_tokens, tokens - t)));
  });
}

constexpr std::int64_t kTileStride = 4 * kPanelRows;
constexpr std::int64_t kTileTokens = 64;
using Tile = std::array<float, kTileStride * kTileTokens>;

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
  const Input input(cpu, kernels, a.x, is_integer(w.layout().kind) && !cpu.exact());
  for_each_tile(cpu, kernels, w.layout().panels(), a.x.rows, [&](std::int64_t panel, int panels, std::int64_t token, int tokens) {
    alignas(64) Tile tile;
    input.products(w, panel, panels, token, tokens, tile.data(), kTileStride);
    const std::int64_t first = panel * kPanelRows, cols = std::min<std::int64_t>(panels * kPanelRows, w.rows() - first);
    for (std::int64_t t = 0; t < tokens; ++t) {
      float* row = tile.data() + t * kTileStride;
      float* y = a.y.row(token + t) + first;
      add_bias(row, a.bias, first, cols);
      kernels.activate(a.activation, row, panels * kPanelRows);
      for (std::int64_t i = 0; i < cols; ++i) {
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
  const auto quantize = [&](const CpuPackedMatrix& w) { return is_integer(w.layout().kind) && !cpu.exact(); };
  const Input gate_input(cpu, kernels, a.x, quantize(gate));
  const Input plain_input(cpu, kernels, a.x, false);
  // An up matrix in another kind than the gate's takes the input as it is: decoded weights, f32 products.
  const Input& up_input = quantize(up) == quantize(gate) ? gate_input : plain_input;
  for_each_tile(cpu, kernels, gate.layout().panels(), a.x.rows, [&](std::int64_t panel, int panels, std::int64_t token, int tokens) {
    alignas(64) Tile gates;
    alignas(64) Tile ups;
    gate_input.products(gate, panel, panels, token, tokens, gates.data(), kTileStride);
    up_input.products(up, panel, panels, token, tokens, ups.data(), kTileStride);
    const std::int64_t first = panel * kPanelRows, cols = std::min<std::int64_t>(panels * kPanelRows, gate.rows() - first);
    for (std::int64_t t = 0; t < tokens; ++t) {
      float* g = gates.data() + t * kTileStride;
      float* u = ups.data() + t * kTileStride;
      float* y = a.y.row(token + t) + first;
      add_bias(g, a.gate_bias, first, cols);
      add_bias(u, a.up_bias, first, cols);
      join_gate(kernels, a.activation, g, u, panels * kPanelRows);
      std::copy_n(g, cols, y);
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
