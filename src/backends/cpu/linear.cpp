#include "linear.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "amx_linear.h"
#include "bf16_linear.h"
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

using Matrices = std::initializer_list<const CpuPackedMatrix*>;

template <class F>
bool any_kind(Matrices weights, F wanted) {
  return std::ranges::any_of(weights, [&](const CpuPackedMatrix* w) {
    return std::ranges::any_of(w->sections(), [&](const auto& s) { return wanted(s.layout.kind); });
  });
}

/// What eight bits lose adds up to less in long sums; and models with shorter ones are small, fast and easily confused.
constexpr std::int64_t kFewestEightBitCols = 2048;

bool eight_bits_do(const CpuDevice& device, ConstMatrix x) {
  return x.cols >= kFewestEightBitCols || device.options().precision == Precision::fast;
}

/// Of activations that meet integer weights: eight if the weights' codes leave room for them.
ActivationBits activation_bits(const CpuDevice& device, const LinearKernels& kernels, ConstMatrix x, Matrices weights) {
  const auto too_large = [&](PanelKind kind) {
    return is_integer(kind) && integer_kind(kind).max_code() > kernels.most_byte_code;
  };
  if (!any_kind(weights, is_integer) || any_kind(weights, too_large)) return ActivationBits::fifteen;
  return eight_bits_do(device, x) ? ActivationBits::eight : ActivationBits::fifteen;
}

constexpr std::int64_t kAmxTokens = 512;  ///< of a call: its sums stay in the second-level cache

/// AMX for this call, or null. Its sums differ from those for few tokens, so a device that promises the same bits for
/// any batch goes without.
const AmxKernels* amx_for(const CpuDevice& device, std::int64_t tokens, ActivationBits bits) {
#if defined(__x86_64__)
  // Fewer do not fill a tile; eight bits, which unpack no weights, are faster until there are two.
  const std::int64_t fewest = bits == ActivationBits::eight ? 2 * kTileTokens : kTileTokens;
  if (device.isa().amx && !device.exact() && device.options().batch_invariance == BatchInvariance::off &&
      tokens >= fewest)
    return &amx_kernels();
#endif
  (void)device, (void)tokens, (void)bits;
  return nullptr;
}

/// AVX-512 BF16 for this call, whose activations have eight bits then as well, or null. Fewer tokens wait for the
/// weights' bytes in f32 too; as that depends on their number, a device that promises the same bits for any batch takes
/// it always or never.
const Bf16Kernels* bf16_for(const CpuDevice& device, ConstMatrix x) {
#if defined(__x86_64__)
  constexpr std::int64_t kFewestTokens = 4;
  const bool many = x.rows >= kFewestTokens && device.options().batch_invariance == BatchInvariance::off;
  if (device.isa().bf16 && !device.exact() && eight_bits_do(device, x) &&
      (many || device.options().precision == Precision::fast))
    return &bf16_kernels();
#endif
  (void)device, (void)x;
  return nullptr;
}

/// One call's input: as it is, and in the form that the kernels want: in bf16 tiles for AMX, else in integers for
/// integer weights and in bf16 for such.
class Input {
 public:
  Input(CpuDevice& device, const LinearKernels& kernels, ConstMatrix x, Matrices weights)
      : kernels_(kernels), x_(x), params_(device.linear_params()) {
    const ActivationBits bits = activation_bits(device, kernels, x, weights);
    amx_ = amx_for(device, x.rows, bits);
    if (amx_ != nullptr)
      fill_tiles(device, any_kind(weights, [](PanelKind kind) { return amx_parts(kind).tokens == 2; }));
    else if (!device.exact() && any_kind(weights, is_integer))
      quantize(device, bits);
    if (amx_ == nullptr && any_kind(weights, [](PanelKind kind) { return kind == PanelKind::bf16; }))
      bf16_ = bf16_for(device, x);
    if (bf16_ != nullptr) fill_bf16(device);
  }

  /// Tokens of one call to `products`.
  std::int64_t tokens_per_call() const {
    if (amx_ != nullptr) return kAmxTokens;
    // A whole number of the tiles that quantize_row fills.
    const std::int64_t tile = kernels_.tile_tokens;
    const std::int64_t most = std::min<std::int64_t>(params_.tokens_per_tile, x_.rows);
    return (most + tile - 1) / tile * tile;
  }
  /// Parts of the tokens that are tasks of their own, for `row_tasks` runs of rows. Only AMX is so fast that unpacking
  /// the weights in each task costs less than threads without one.
  std::int64_t token_tasks(std::int64_t row_tasks, int threads) const {
    if (amx_ == nullptr) return 1;
    const std::int64_t wanted = (2 * threads + row_tasks - 1) / row_tasks;
    return std::clamp<std::int64_t>(wanted, 1, (x_.rows + kTileTokens - 1) / kTileTokens);
  }
  /// Panels of one task.
  std::int64_t width() const { return stride() / kPanelRows; }
  /// Floats between two tokens of a call's output. Bounded, as each thread keeps room for a call. AMX wants more rows,
  /// as every task reads all of its tokens.
  std::int64_t stride() const {
    constexpr int kMost = 4096, kMostAmx = 512;
    return amx_ != nullptr ? std::min(2 * params_.rows_per_task, kMostAmx) : std::min(params_.rows_per_task, kMost);
  }

  /// Writes tokens up to the next multiple of 16.
  void products(const PanelRange& w, std::int64_t token, int tokens, float* out, std::int64_t stride) const {
    if (amx_ != nullptr)
      amx_->products(w, tiles_, token, tokens, out, stride);
    else if (quantized_ && is_integer(w.layout.kind))
      kernels_.integer_products(w, rows_, token, tokens, out, stride);
    else if (bf16_ != nullptr && w.layout.kind == PanelKind::bf16)
      bf16_->products(w, bf16_rows_, token, tokens, out, stride);
    else
      kernels_.float_products(w, x_.row(token), x_.stride, tokens, out, stride);
  }

 private:
  void fill_tiles(CpuDevice& device, bool with_low) {
    tiles_.cols = x_.cols;
    const std::int64_t rows = (x_.rows + kTileTokens - 1) / kTileTokens * kTileTokens,
                       size = rows * tiles_.padded_cols();
    tiles_.high = scratch<std::uint16_t>(static_cast<std::size_t>(with_low ? 2 * size : size));
    tiles_.low = with_low ? tiles_.high + size : nullptr;
    device.pool().run(rows / kTileTokens, [&](std::int64_t tile) {
      const std::int64_t first = tile * kTileTokens;
      for (std::int64_t t = first; t < std::min(x_.rows, first + kTileTokens); ++t)
        amx_->store_row(x_.row(t), tiles_, t);
    });
  }

  void fill_bf16(CpuDevice& device) {
    bf16_rows_.stride = Bf16Rows::stride_for(x_.cols);
    bf16_rows_.values = scratch<std::uint16_t>(static_cast<std::size_t>(x_.rows * bf16_rows_.stride));
    device.pool().run(x_.rows, [&](std::int64_t t) { bf16_->store_row(x_.row(t), x_.cols, bf16_rows_, t); });
  }

  void quantize(CpuDevice& device, ActivationBits bits) {
    quantized_ = true;
    const std::int64_t groups = (x_.cols + kGroup - 1) / kGroup, blocks = (groups + kBlockGroups - 1) / kBlockGroups;
    const auto cells = static_cast<std::size_t>(x_.rows * groups),
               all_blocks = static_cast<std::size_t>(x_.rows * blocks);
    rows_ = {bits,
             scratch<std::int8_t>(cells * static_cast<std::size_t>(QuantizedRows::group_bytes(bits))),
             scratch<float>(cells * (1 + QuantizedRows::kSums)),
             scratch<std::int32_t>(cells * QuantizedRows::kSums),
             nullptr,
             nullptr,
             nullptr,
             groups};
    if (bits == ActivationBits::eight) {
      rows_.refined = scratch<RefinedCell>(all_blocks * kBlockGroups);
      rows_.num_refined = scratch<std::uint8_t>(all_blocks);
    }
    rows_.scaled_sums = rows_.scales + cells;
    // A task is a tile or, where threads would be left without one, some of a tile's blocks.
    constexpr std::int64_t kTaskValues = 4096;
    const int most = kernels_.tile_tokens;
    const std::int64_t tiles = num_tiles(x_.rows, most), values = std::min<std::int64_t>(most, x_.rows) * x_.cols;
    const std::int64_t parts =
        std::clamp<std::int64_t>(device.num_threads() / std::max<std::int64_t>(tiles, 1), 1, 1 + values / kTaskValues);
    device.pool().run(tiles * parts, [&](std::int64_t task) {
      const std::int64_t first = tile_start(task / parts, x_.rows, most), part = task % parts;
      const int tokens = tile_tokens(x_.rows - first, most);
      for (int t = 0; t < tokens; ++t)
        kernels_.quantize_row(x_.row(first + t), x_.cols, rows_.tile(first), t, tokens,
                              blocks * part / parts * kBlockGroups,
                              std::min(blocks * (part + 1) / parts * kBlockGroups, groups));
    });
  }

  const LinearKernels& kernels_;
  ConstMatrix x_;
  const AmxKernels* amx_ = nullptr;
  const Bf16Kernels* bf16_ = nullptr;
  const LinearParams& params_;
  bool quantized_ = false;
  QuantizedRows rows_{};
  TokenTiles tiles_{};
  Bf16Rows bf16_rows_{};
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
  const auto ceil_div = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
  const std::int64_t row_tasks = num_tasks(w, input.width()), step = input.tokens_per_call();
  const std::int64_t token_tasks = input.token_tasks(row_tasks, device.pool().size());
  const std::int64_t share = ceil_div(ceil_div(tokens, token_tasks), kTileTokens) * kTileTokens;
  device.pool().run(row_tasks * token_tasks, [&](std::int64_t i) {
    const std::int64_t index = i / token_tasks, first = i % token_tasks * share, last = std::min(tokens, first + share);
    const Task task = task_at(w, input.width(), index);
    for (std::int64_t t = first; t < last; t += step) tile(index, task, t, static_cast<int>(std::min(step, last - t)));
  });
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
      write_row(a.write, a.scale, {row, static_cast<std::size_t>(task.cols)}, y);
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

void embed(Device& device, const ops::Embed::Args& a) {
  const auto cols = static_cast<std::size_t>(a.weight.cols());
  cpu_device(device).pool().run(static_cast<std::int64_t>(a.ids.size()), [&](std::int64_t t) {
    const std::span row(scratch<float>(cols), cols);
    a.weight.unpack_row(a.ids[static_cast<std::size_t>(t)], row);
    write_row(a.write, a.scale, row, a.y.row(t));
  });
}

}  // namespace ttt::cpu
