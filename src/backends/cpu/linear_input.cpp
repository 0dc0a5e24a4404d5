#include "linear_input.h"

#include <algorithm>
#include <vector>

#include "scratch.h"

namespace ttt::cpu {
namespace {

/// Scratch that the calling thread keeps from call to call.
template <class T>
T* scratch(std::size_t count) {
  thread_local Scratch<T> buffer;
  return buffer.at_least(count);
}

using Matrices = LinearInput::Matrices;

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
    return is_integer(kind) && !eight_bits_fit(integer_kind(kind), kernels.most_byte_code);
  };
  if (!any_kind(weights, is_integer) || any_kind(weights, too_large)) return ActivationBits::fifteen;
  return eight_bits_do(device, x) ? ActivationBits::eight : ActivationBits::fifteen;
}

/// Of activations of eight bits.
ScaleOf scale_of(const LinearKernels& kernels, Matrices weights) {
  const auto large = [&](PanelKind kind) {
    return is_integer(kind) && integer_kind(kind).max_code() > kernels.most_byte_code;
  };
  if (any_kind(weights, large)) return ScaleOf::pairs;
  const auto no_k_quant = [](PanelKind kind) { return is_integer(kind) && !integer_kind(kind).is_k(); };
  return any_kind(weights, no_k_quant) ? ScaleOf::group : ScaleOf::block;
}

constexpr std::int64_t kAmxTokens = 512;  ///< of a call: its sums stay in the second-level cache

/// AMX for this call, or null. Its sums differ from those for few tokens, so a device that promises the same bits for
/// any batch goes without.
const AmxKernels* amx_for(const CpuDevice& device, std::int64_t tokens, ActivationBits bits) {
#if defined(__x86_64__)
  // Eight bits, which unpack no weights, are faster for longer.
  const std::int64_t fewest =
      (bits == ActivationBits::eight ? 2 : 1) * std::int64_t{device.linear_params().amx_min_tokens};
  if (device.isa().amx && !device.exact() && device.options().batch_invariance == BatchInvariance::off &&
      tokens >= fewest)
    return &amx_kernels();
#endif
  (void)device, (void)tokens, (void)bits;
  return nullptr;
}

struct Bf16Choice {
  const Bf16Kernels* kernels = nullptr;
  int parts = 0;  ///< bf16 that an activation is the sum of
};

/// AVX-512 BF16 for this call, or null. Few tokens wait for the weights' bytes with two parts as well; as that depends
/// on their number, a device that promises the same bits for any batch takes one part always or none.
Bf16Choice bf16_for(const CpuDevice& device, ConstMatrix x, std::int64_t tokens) {
#if defined(__x86_64__)
  const bool any_batch = device.options().batch_invariance == BatchInvariance::on;
  if (!device.isa().bf16 || device.exact() || (any_batch ? 1 : tokens) < device.linear_params().bf16_min_tokens)
    return {};
  const bool two_do =
      tokens <= Bf16Kernels::kMostTokensOfTwoParts && device.options().precision != Precision::fast && !any_batch;
  if (two_do) return {&bf16_kernels(), 2};
  if (eight_bits_do(device, x)) return {&bf16_kernels(), 1};
#endif
  (void)device, (void)x, (void)tokens;
  return {};
}

/// Whether weights in f16 and bf16 meet activations of fifteen bits as words, for lack of anything faster. Few tokens
/// do not pay for the making of the words, but where a device promises the same bits for any batch.
bool words_do(const CpuDevice& device, ConstMatrix x, std::int64_t tokens, ActivationBits bits) {
  const std::int64_t fewest = device.linear_params().words_min_tokens;
  const bool any_batch = device.options().batch_invariance == BatchInvariance::on;
  // Eight bits are for integer weights that share the activations.
  return bits == ActivationBits::fifteen && !device.exact() && x.cols % kGroup == 0 &&
         (any_batch ? fewest < LinearParams::never : tokens >= fewest);
}

/// Rows of one task's matrices, each of which meets at most `tokens`: each thread keeps room for its call's sums.
std::int64_t rows_per_task(const CpuDevice& device, std::int64_t tokens, Matrices weights, bool amx) {
  constexpr std::int64_t kMost = 4096;
  const LinearParams& params = device.linear_params();
  const auto rows = std::min<std::int64_t>(params.rows_per_task, kMost),
             long_rows = std::min<std::int64_t>(params.rows_per_long_task, kMost);
  // Every task reads all of its tokens, which AMX waits for.
  if (amx) return std::min(2 * rows, kMost);
  // Few tokens wait for memory, which is fastest in long streams, a gate's and an up's by turns above all: as long as
  // they leave each thread enough of them to end with the others, and of panels by fours, as one token meets them.
  constexpr std::int64_t kFew = 4, kTasksPerThread = 16, kByFours = 4 * kPanelRows;
  if (tokens > kFew || rows >= long_rows) return rows;
  std::int64_t all = 0;
  for (const auto* w : weights) all += w->rows();
  return std::clamp(all / (device.num_threads() * kTasksPerThread) / kByFours * kByFours, rows, long_rows);
}

/// Room for activations, in scratch.
QuantizedRows quantized_rows(ConstMatrix x, ActivationBits bits, ScaleOf scale_of) {
  const std::int64_t groups = (x.cols + kGroup - 1) / kGroup, blocks = (groups + kBlockGroups - 1) / kBlockGroups;
  const auto cells = static_cast<std::size_t>(x.rows * groups), all_blocks = static_cast<std::size_t>(x.rows * blocks);
  QuantizedRows rows{};
  rows.bits = bits;
  rows.scale_of = scale_of;
  rows.groups = groups;
  rows.codes = scratch<std::int8_t>(cells * static_cast<std::size_t>(QuantizedRows::group_bytes(bits)));
  rows.scales = scratch<float>(cells * (1 + QuantizedRows::kSums));
  rows.scaled_sums = rows.scales + cells;
  rows.minus_sums = scratch<std::int32_t>(cells * QuantizedRows::kSums);
  if (scale_of == ScaleOf::block)
    rows.block_sums = scratch<std::int16_t>(all_blocks * static_cast<std::size_t>(QuantizedRows::kBlockSums));
  if (bits == ActivationBits::eight) {
    Outliers& outliers = rows.outliers;
    outliers.blocks = blocks;
    outliers.tokens = x.rows;
    outliers.found = scratch<Outlier>(2 * outliers.room());
    outliers.gathered = outliers.found + outliers.room();
    outliers.num_found = scratch<std::uint8_t>(all_blocks);
    outliers.starts = scratch<std::uint32_t>(all_blocks + static_cast<std::size_t>(blocks));
  }
  return rows;
}

struct TokenTile {
  std::int64_t first;
  int tokens;
};

std::vector<TokenTile> tiles_of(std::span<const TokenRange> ranges, int most) {
  std::vector<TokenTile> tiles;
  for (const auto& range : ranges)
    for (std::int64_t t = 0; t < range.count; t += tiles.back().tokens)
      tiles.push_back({range.first + t, tile_tokens(range.count - t, most)});
  return tiles;
}

}  // namespace

LinearInput::LinearInput(CpuDevice& device, const LinearKernels& kernels, ConstMatrix x, Matrices weights,
                         std::span<const TokenRange> ranges)
    : kernels_(kernels), x_(x), params_(device.linear_params()) {
  const ActivationBits bits = activation_bits(device, kernels, x, weights);
  const std::int64_t most = std::ranges::max(ranges, {}, &TokenRange::count).count;
  if (ranges.size() == 1) amx_ = amx_for(device, most, bits);  // its tiles begin at multiples of their size
  stride_ = rows_per_task(device, most, weights, amx_ != nullptr);
  if (amx_ != nullptr) {
    fill_tiles(device, any_kind(weights, [](PanelKind kind) { return amx_parts(kind).tokens == 2; }));
    return;
  }
  if (!device.exact() && any_kind(weights, is_integer))
    quantize(device, bits, bits == ActivationBits::eight ? scale_of(kernels, weights) : ScaleOf::group, ranges);
  const Bf16Choice bf16 = any_kind(weights, is_bf16) ? bf16_for(device, x, most) : Bf16Choice{};
  bf16_ = bf16.kernels;
  if (bf16_ != nullptr) fill_bf16(device, bf16.parts);
  words_ = any_kind(weights, [&](PanelKind kind) { return is_half(kind) && !(bf16_ != nullptr && is_bf16(kind)); }) &&
           words_do(device, x, most, bits);
  if (words_ && !quantized_) quantize(device, bits, ScaleOf::group, ranges);
}

std::int64_t LinearInput::tokens_per_call() const {
  if (amx_ != nullptr) return kAmxTokens;
  // A whole number of the tiles that quantize_row fills.
  const std::int64_t tile = kernels_.tile_tokens;
  const std::int64_t most = std::min<std::int64_t>(params_.tokens_per_tile, x_.rows);
  return (most + tile - 1) / tile * tile;
}

std::int64_t LinearInput::token_tasks(std::int64_t row_tasks, int threads) const {
  // Only AMX is so fast that unpacking the weights in each task costs less than threads without one.
  if (amx_ == nullptr) return 1;
  const std::int64_t wanted = (2 * threads + row_tasks - 1) / row_tasks;
  return std::clamp<std::int64_t>(wanted, 1, (x_.rows + kTileTokens - 1) / kTileTokens);
}

void LinearInput::products(const PanelRange& range, std::int64_t token, int tokens, float* out,
                           std::int64_t stride) const {
  PanelRange w = range;
  w.ahead = static_cast<std::size_t>(params_.bytes_ahead);
  if (amx_ != nullptr)
    amx_->products(w, tiles_, token, tokens, out, stride);
  else if (quantized_ && is_integer(w.layout.kind))
    kernels_.integer_products(w, rows_, token, tokens, out, stride);
  else if (bf16_ != nullptr && is_bf16(w.layout.kind))
    bf16_->products(w, bf16_rows_, token, tokens, out, stride);
  else if (words_ && is_half(w.layout.kind))
    kernels_.word_products(w, rows_, token, tokens, out, stride);
  else
    kernels_.float_products(w, x_.row(token), x_.stride, tokens, out, stride);
}

void LinearInput::fill_tiles(CpuDevice& device, bool with_low) {
  tiles_.cols = x_.cols;
  const std::int64_t rows = (x_.rows + kTileTokens - 1) / kTileTokens * kTileTokens, size = rows * tiles_.padded_cols();
  tiles_.high = scratch<std::uint16_t>(static_cast<std::size_t>(with_low ? 2 * size : size));
  tiles_.low = with_low ? tiles_.high + size : nullptr;
  device.pool().run(rows / kTileTokens, [&](std::int64_t tile) {
    const std::int64_t first = tile * kTileTokens;
    for (std::int64_t t = first; t < std::min(x_.rows, first + kTileTokens); ++t) amx_->store_row(x_.row(t), tiles_, t);
  });
}

void LinearInput::fill_bf16(CpuDevice& device, int parts) {
  bf16_rows_.parts = parts;
  bf16_rows_.stride = Bf16Rows::stride_for(x_.cols);
  bf16_rows_.values = scratch<std::uint16_t>(static_cast<std::size_t>(x_.rows * parts * bf16_rows_.stride));
  device.pool().run(x_.rows, [&](std::int64_t t) { bf16_->store_row(x_.row(t), x_.cols, bf16_rows_, t); });
}

void LinearInput::quantize(CpuDevice& device, ActivationBits bits, ScaleOf scale_of,
                           std::span<const TokenRange> ranges) {
  quantized_ = true;
  rows_ = quantized_rows(x_, bits, scale_of);
  const std::int64_t groups = rows_.groups, blocks = rows_.blocks();
  // A task is a tile or, where threads would be left without one, some of a tile's blocks.
  constexpr std::int64_t kTaskValues = 4096;
  const auto tiles = tiles_of(ranges, kernels_.tile_tokens);
  const auto num_tiles = static_cast<std::int64_t>(tiles.size());
  const std::int64_t values = std::min<std::int64_t>(kernels_.tile_tokens, x_.rows) * x_.cols;
  const std::int64_t parts = std::clamp<std::int64_t>(device.num_threads() / std::max<std::int64_t>(num_tiles, 1), 1,
                                                      1 + values / kTaskValues);
  device.pool().run(num_tiles * parts, [&](std::int64_t task) {
    const auto [first, tokens] = tiles[static_cast<std::size_t>(task / parts)];
    const std::int64_t part = task % parts;
    for (int t = 0; t < tokens; ++t)
      kernels_.quantize_row(x_.row(first + t), x_.cols, rows_.tile(first), t, tokens,
                            blocks * part / parts * kBlockGroups,
                            std::min(blocks * (part + 1) / parts * kBlockGroups, groups));
  });
  if (bits != ActivationBits::eight) return;
  // Few do not pay for a meeting of all threads.
  constexpr std::int64_t kFewBlocks = 512;
  const auto gather = [&](std::int64_t block) { rows_.outliers.gather(block); };
  if (x_.rows * blocks > kFewBlocks) return device.pool().run(blocks, gather);
  for (std::int64_t block = 0; block < blocks; ++block) gather(block);
}

}  // namespace ttt::cpu
