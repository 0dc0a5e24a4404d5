#pragma once
#include <cstdint>
#include <span>
#include <type_traits>

#include "isa.h"
#include "outliers.h"
#include "packed_matrix.h"
#include "ttt/ops/activation.h"

namespace ttt::cpu {

/// How precisely the integer kinds meet activations. Eight bits take half the time of fifteen.
enum class ActivationBits { fifteen, eight };

/// Whose activations share a scale, and what of them it takes to the largest code.
enum class ScaleOf {
  group,  ///< a group's; the largest of them
  /// A group's, of eight bits; the largest of them or of the sums of two neighbours, so that two products fit into a
  /// word where LinearKernels::most_byte_code says that they else might not.
  pairs,
  /// A block's, of eight bits that meet nothing but K-quants; the largest of them. As the scales of a K-quant's groups
  /// are integers, the products of its block then add up before they meet the block's d and this scale.
  block
};

/// Whether weights may meet activations of eight bits. Those with codes of eight bits would lose more by ScaleOf::pairs
/// than their format has lost.
constexpr bool eight_bits_fit(const IntegerKind& kind, int most_byte_code) {
  return kind.bits < 8 || kind.max_code() <= most_byte_code;
}

/// Activations for the integer kinds: per token and group of 32 columns a cell of codes and their scale. Tokens lie in
/// tiles of a power of two, as tile_tokens cuts them; within a tile of T tokens everything is interleaved,
/// [group][...][T]. Of fifteen bits, a tile of one token has its codes as 128 * high + low, both bytes, as a weight's
/// code meets them straight from memory; larger ones as words (Words). Of eight bits, outliers are kept as they are,
/// and have the code 0.
struct QuantizedRows {
  ActivationBits bits;
  ScaleOf scale_of;
  /// Eight bits: [group][four columns 8][T][4]. Fifteen: T = 1: [group][high, low][column 32]; else words
  /// [group][pair of columns 16][T][2].
  std::int8_t* codes;
  float* scales;  ///< [group or block][T]
  /// What a zero of 2^kZeroLog2 takes from products, which is minus as many times the sum of codes:
  /// [group][columns 0..15, 16..31, all][T]. Of blocks' scales, for levels that do not add in words.
  std::int32_t* minus_sums;
  float* scaled_sums;        ///< of groups' scales: scale * sum of codes, likewise
  std::int16_t* block_sums;  ///< of blocks' scales: sums of codes: [block][halves of groups 8, pairs of groups 4][T][2]
  Outliers outliers;         ///< of eight bits
  std::int64_t groups;
  std::int64_t first_token = 0;  ///< of the tile

  std::int64_t blocks() const { return (groups + kBlockGroups - 1) / kBlockGroups; }
  /// The outliers of the block that starts at group `first`, of the tile's first `tokens`.
  std::span<const Outlier> outliers_of(std::int64_t first, int tokens) const {
    return outliers.of(first / kBlockGroups, first_token, tokens);
  }
  /// The tile that starts at a token. Always inline, or kernels' sources would define it, each for its instruction set.
  [[gnu::always_inline]] QuantizedRows tile(std::int64_t token) const {
    const std::int64_t first = token * groups, first_block = token * blocks();
    const bool of_block = scale_of == ScaleOf::block;
    return {bits,
            scale_of,
            codes + first * group_bytes(bits),
            scales + (of_block ? first_block : first),
            minus_sums + first * kSums,
            scaled_sums + first * kSums,
            of_block ? block_sums + first_block * kBlockSums : nullptr,
            outliers,
            groups,
            token};
  }
  std::int16_t* words() const { return reinterpret_cast<std::int16_t*>(codes); }
  static constexpr std::int64_t group_bytes(ActivationBits bits) {
    return bits == ActivationBits::eight ? kGroup : 2 * kGroup;
  }
  static constexpr int kZeroLog2 = 7;  ///< the largest of integer kinds
  static constexpr std::int64_t kSums = 3;
  static constexpr std::int64_t kHalves = kBlockGroups, kPairs = kHalves / 2;  ///< of a block
  static constexpr std::int64_t kBlockSums = 2 * (kHalves + kPairs);           ///< words of a token
};

/// Tokens of the next tile when `remaining` are left: the largest power of two, at most `most`.
constexpr int tile_tokens(std::int64_t remaining, int most) {
  while (most > remaining) most /= 2;
  return most;
}

/// Cuts tokens into tiles of at most `Most`, up to 8: calls f(integral_constant count, first token).
template <int Most, class F>
void for_each_token_tile(int tokens, F f) {
  for (int t = 0; t < tokens;) {
    const int count = tile_tokens(tokens - t, Most);
    if (count == 8) {
      if constexpr (Most == 8) f(std::integral_constant<int, 8>{}, t);
    } else if (count == 4) {
      f(std::integral_constant<int, 4>{}, t);
    } else if (count == 2) {
      f(std::integral_constant<int, 2>{}, t);
    } else {
      f(std::integral_constant<int, 1>{}, t);
    }
    t += count;
  }
}

/// Calls f(integral_constant P, panel, apart) for panels that are met by turns, panel, panel + apart, ...: P streams of
/// memory, each of which goes on from one panel to the next, as one that ended with each would be slow. Those left over
/// come one by one, apart from nothing.
template <int P, class F>
void for_each_across(int panels, F f) {
  const int apart = panels / P;
  for (int p = 0; p < apart; ++p) f(std::integral_constant<int, P>{}, p, apart);
  for (int p = apart * P; p < panels; ++p) f(std::integral_constant<int, 1>{}, p, 0);
}

/// Consecutive panels of one section.
struct PanelRange {
  const PanelLayout& layout;
  const std::byte* data;
  int count;
  std::size_t ahead = 0;  ///< LinearParams::bytes_ahead

  const std::byte* panel(int index) const { return data + static_cast<std::size_t>(index) * layout.panel_bytes(); }
  PanelRange part(int first, int length) const { return {layout, panel(first), length, ahead}; }
};

/// The primitives of one instruction-set level that Linear and GatedLinear are made of.
struct LinearKernels {
  int tile_tokens;     ///< the most tokens of a tile
  int most_byte_code;  ///< the largest code that may meet any activations of eight bits

  /// Quantises groups [first, last) of `x`, from a multiple of 8 on, as token `token` of a tile of `tokens` tokens,
  /// which come in order.
  void (*quantize_row)(const float* x, std::int64_t cols, const QuantizedRows& tile, int token, int tokens,
                       std::int64_t first, std::int64_t last);

  /// out[t * stride + 16 * p + lane] = W[panel p, lane] . x[t], in f32 products. `x` rows are `x_stride` apart.
  void (*float_products)(const PanelRange& w, const float* x, std::int64_t x_stride, int tokens, float* out,
                         std::int64_t stride);
  /// The same with integer products, for integer kinds. `first_token` starts a tile.
  void (*integer_products)(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens,
                           float* out, std::int64_t stride);
  /// The same for weights in f16 and bf16, and activations of fifteen bits in whole groups.
  void (*word_products)(const PanelRange& w, const QuantizedRows& x, std::int64_t first_token, int tokens, float* out,
                        std::int64_t stride);
  /// v[i] = activation(v[i]).
  void (*activate)(Activation activation, float* v, std::int64_t count);
};

/// The widest level that `isa` allows.
const LinearKernels& linear_kernels(const Isa& isa);

const LinearKernels& generic_linear_kernels();
const LinearKernels& avx2_linear_kernels();
const LinearKernels& avx_vnni_linear_kernels();
const LinearKernels& avx512_linear_kernels();  ///< needs VNNI

}  // namespace ttt::cpu
