#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ttt/core/dtype.h"

namespace ttt::cpu {

/// Output rows in a panel: they lie in vector lanes, so each output is one chain of additions over k in order, and its
/// bits depend neither on the number of tokens nor on tiling or threads.
constexpr int kPanelRows = 16;
constexpr int kGroup = 32;       ///< columns that share a step of the integer kernels
constexpr int kBlockGroups = 8;  ///< groups that share a header in a panel: a K-quant's block of 256 columns
constexpr int kBlockCols = kBlockGroups * kGroup;

/// Counts the changes of what any panel holds for the same weights: packed weights that are kept on disk are found by
/// those who pack as those did who kept them.
constexpr int kPanelVersion = 5;

/// How a panel stores its weights: as floats, or as a block format's own codes.
enum class PanelKind {
  f32,         ///< [k][16] f32
  f16,         ///< blocks of 256 columns: largest |weight| of each row, [16] f16, then [k][16] f16
  bf16,        ///< [k/2][16][2] bf16
  bf16_coded,  ///< the same in fewer bits (coded_bf16.h)
  u4,
  u4_offset,
  u5,
  u5_offset,
  u8,
  iq4_nl,
  mxfp4,
  u2_k,
  u3_k,
  u4_k,
  u5_k,
  u6_k,
  bfp8,
  bfp4,
};

/// Where column k lies in a panel of PanelKind::f16; the one before a block's first is that of its largest weights.
constexpr std::size_t f16_column_at(std::int64_t k) {
  return static_cast<std::size_t>(k + k / kBlockCols + 1) * kPanelRows * 2;
}

/// What the codes of iq4_nl and mxfp4 stand for, plus the zero.
inline constexpr std::array<std::uint8_t, 16> kIq4Table{1,   24,  45,  63,  79,  93,  106, 118,
                                                        129, 141, 153, 166, 181, 197, 217, 241};
inline constexpr std::array<std::uint8_t, 16> kMxfp4Table{16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4};

/// The fields of a panel's header and what a code means by them. d and dmin are f16, "scale" and "min" the K-quants'
/// integers.
enum class Scales {
  f16,         ///< per group: scale                    scale * (code - zero)
  f16_offset,  ///< per group: scale, offset            scale * code + offset
  e8m0,        ///< per group: exponent                 2^(exponent - 128) * (code - zero)
  e8m0_16,     ///< per half group: exponent            2^(exponent - 126) / zero * (code - zero)
  k32_offset,  ///< d, dmin; per group: scale, min      d * scale * code - dmin * min
  k16,         ///< d; per half group: signed scale     d * scale * (code - zero)
  k16_offset,  ///< d, dmin; per half group: min << 4 | scale
};

/// A block of up to 256 columns in a panel is a header and its groups' codes. The header has two-byte fields, then
/// one-byte fields, each for 16 rows. The codes of a group are as many vectors of 64 bytes as a code has bits. Of each,
/// byte r * 4 + c has bits of row r and of columns 4j + c: of which quads j, and which bits, says quad_bits(). The
/// one-byte fields of k32_offset have 6 bits: four of them for 16 rows are packed as a quad of such codes is.
struct IntegerKind {
  int bits;  ///< of a code: 2, 3, 4, 5, 6, 8
  Scales scales;
  int zero_log2;                                        ///< the zero is 2^zero_log2; -1: none
  const std::array<std::uint8_t, 16>* table = nullptr;  ///< what the 4-bit codes index, or null

  constexpr int zero() const { return zero_log2 < 0 ? 0 : 1 << zero_log2; }
  /// The largest code, or what the table has for one.
  constexpr int max_code() const { return table != nullptr ? std::ranges::max(*table) : (1 << bits) - 1; }
  constexpr bool has_offset() const { return zero_log2 < 0; }
  constexpr bool is_k() const {
    return scales == Scales::k32_offset || scales == Scales::k16 || scales == Scales::k16_offset;
  }
  /// Columns that share a scale, as parts of a group.
  constexpr int subgroups() const {
    return scales == Scales::k16 || scales == Scales::k16_offset || scales == Scales::e8m0_16 ? 2 : 1;
  }
  constexpr std::size_t code_bytes() const { return static_cast<std::size_t>(bits) * 64; }
  constexpr bool has_exponents() const { return scales == Scales::e8m0 || scales == Scales::e8m0_16; }
  constexpr int wide_fields(std::int64_t groups) const {
    return (is_k() ? 1 : has_exponents() ? 0 : static_cast<int>(groups)) * (has_offset() ? 2 : 1);
  }
  constexpr int narrow_fields(std::int64_t groups) const {
    return is_k() ? 16 : has_exponents() ? static_cast<int>(groups) * subgroups() : 0;
  }
  /// Of a field that is not wide.
  constexpr int narrow_bits() const { return scales == Scales::k32_offset ? 6 : 8; }
  constexpr std::size_t wide_bytes(std::int64_t groups) const {
    return static_cast<std::size_t>(wide_fields(groups)) * 2 * kPanelRows;
  }
  constexpr std::size_t narrow_bytes(std::int64_t groups) const {
    return static_cast<std::size_t>(narrow_fields(groups) * narrow_bits() / 8) * kPanelRows;
  }
  constexpr std::size_t header_bytes(std::int64_t groups) const { return wide_bytes(groups) + narrow_bytes(groups); }
  constexpr std::size_t block_bytes(std::int64_t groups) const {
    return header_bytes(groups) + static_cast<std::size_t>(groups) * code_bytes();
  }
};

constexpr bool is_integer(PanelKind kind) { return kind >= PanelKind::u4; }
constexpr bool is_half(PanelKind kind) { return kind >= PanelKind::f16 && kind <= PanelKind::bf16_coded; }
constexpr bool is_bf16(PanelKind kind) { return kind == PanelKind::bf16 || kind == PanelKind::bf16_coded; }

/// Of an integer kind.
constexpr IntegerKind integer_kind(PanelKind kind) {
  switch (kind) {
    case PanelKind::u4:
      return {4, Scales::f16, 3};
    case PanelKind::u4_offset:
      return {4, Scales::f16_offset, -1};
    case PanelKind::u5:
      return {5, Scales::f16, 4};
    case PanelKind::u5_offset:
      return {5, Scales::f16_offset, -1};
    case PanelKind::iq4_nl:
      return {4, Scales::f16, 7, &kIq4Table};
    case PanelKind::mxfp4:
      return {4, Scales::e8m0, 4, &kMxfp4Table};
    case PanelKind::u2_k:
      return {2, Scales::k16_offset, -1};
    case PanelKind::u3_k:
      return {3, Scales::k16, 2};
    case PanelKind::u4_k:
      return {4, Scales::k32_offset, -1};
    case PanelKind::u5_k:
      return {5, Scales::k32_offset, -1};
    case PanelKind::u6_k:
      return {6, Scales::k16, 5};
    case PanelKind::bfp8:
      return {8, Scales::e8m0_16, 7};
    case PanelKind::bfp4:
      return {4, Scales::e8m0_16, 3};
    default:
      return {8, Scales::f16, 7};
  }
}

/// The kind that holds a block format's codes as they are; nothing for floats.
std::optional<PanelKind> integer_kind_of(DType dtype);

/// One run of rows in one kind.
struct PanelLayout {
  PanelKind kind;
  std::int64_t rows, cols;

  std::int64_t groups() const { return (cols + kGroup - 1) / kGroup; }
  std::int64_t panels() const { return (rows + kPanelRows - 1) / kPanelRows; }
  std::size_t panel_bytes() const;
  std::size_t bytes() const { return panel_bytes() * static_cast<std::size_t>(panels()); }
};

/// Up to 256 columns of one row as a block format stores them, in the terms of a panel.
struct CodedBlock {
  std::array<std::uint8_t, kBlockCols> codes;
  std::array<std::uint16_t, 16> wide;
  std::array<std::uint8_t, 16> narrow;
};

/// Reads `groups` groups of a row, from group `first` on, a multiple of 8. Half a group that the row lacks at its end
/// meets no activations: its codes are whatever.
void read_coded_block(DType dtype, std::span<const std::byte> row, std::int64_t first, std::int64_t groups,
                      CodedBlock& out);

/// Writes 16 rows' blocks into a panel, and reads one row's back.
void store_blocks(const IntegerKind& kind, const std::array<CodedBlock, kPanelRows>& rows, std::int64_t groups,
                  std::byte* block);
CodedBlock load_block(const IntegerKind& kind, const std::byte* block, std::int64_t groups, int row);

/// The weights that a block stands for, bit for bit as dequantised from the block format. `out` holds 32 a group.
void decode_block(PanelKind kind, const CodedBlock& block, std::int64_t groups, float* out);

}  // namespace ttt::cpu
