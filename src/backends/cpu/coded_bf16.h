#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "panel_layout.h"

namespace ttt::cpu {

/// PanelKind::bf16_coded: bf16 in 12.4 bits, each bit kept. What takes the room in bf16 is its exponent, and the
/// exponents of a row of weights are close to each other: nearly all lie at most 15 below the largest of their block.
/// (The same redundancy is what DFloat11, arXiv 2504.11651, codes by entropy; a fixed length costs little more room and
/// takes four operations for 32 weights with AVX-512, nine with AVX2.)
///
/// A panel is cut into blocks of 256 columns, the last one perhaps shorter; a block is a header and octets of columns.
/// An octet has four pairs of columns, a pair [16 rows][2] bf16 as PanelKind::bf16 has it. A row's base in a block is
/// the exponent 15 below its largest one. Of a weight, 12 bits are kept: its sign, by how much its exponent is above
/// the base, and its mantissa. An octet is stored as the words of three pairs, which have these bits where bf16 has
/// sign, exponent and mantissa: adding the base gives bf16. Four bits of each word are free, for pair 3:
///
///           15     14  13  12     11         10 9 8 7   6 5 4 3 2 1 0
///   pair 0  sign   3's exponent              exponent   mantissa
///   pair 1  sign   3's mantissa, 6..3        exponent   mantissa
///   pair 2  sign   3's, 2..0      3's sign   exponent   mantissa
constexpr int kOctet = 8;  ///< columns of an octet
constexpr int kOctetPairs = kOctet / 2;
constexpr int kPairWords = 2 * kPanelRows;  ///< bf16 in a pair of columns
constexpr int kOctetWords = kOctetPairs * kPairWords;
constexpr std::size_t kPairBytes = kPairWords * 2;
constexpr std::size_t kOctetBytes = 3 * kPairBytes;  ///< as it is stored

struct CodedBf16Header {
  static constexpr int kExceptions = 31;  ///< enough for a column of zeros among others
  static constexpr std::uint16_t kNone = 0xffff;
  struct Exception {
    std::uint16_t place;  ///< (pair of the block * 16 + row) * 2 + column of the pair; kNone: not in use
    std::uint16_t bits;
  };

  std::uint16_t largest[kPanelRows][2];  ///< a row's largest exponent, where bf16 has it; twice, as a pair needs it
  Exception exceptions[kExceptions];     ///< the weights whose exponents are below the base
  std::uint32_t octets;                  ///< bit i: some of them are in octet i
};
static_assert(sizeof(CodedBf16Header) == 192);

/// From a row's base to its largest exponent, where bf16 has it. A base may be negative: it is added modulo 2^16.
constexpr int kBf16Span = 15 << 7;

/// The bits of a word that its own pair has.
constexpr int kOwnBits = 0x87ff;

/// A run of bits of pair 3, where the word of another pair has them: `mask` tells which they are in pair 3's own word,
/// and `left` how far they move to get there.
struct SpreadBits {
  int pair, mask, left;
};
constexpr int kSpreadPair = kOctetPairs - 1;
constexpr SpreadBits kSpread[] = {{0, 0x0780, -4}, {1, 0x0078, -8}, {2, 0x0007, -12}, {2, 0x8000, 4}};

/// Of a panel of `cols` columns, a multiple of 8.
constexpr std::size_t coded_bf16_bytes(std::int64_t cols) {
  return static_cast<std::size_t>((cols + kBlockCols - 1) / kBlockCols) * sizeof(CodedBf16Header) +
         static_cast<std::size_t>(cols / kOctet) * kOctetBytes;
}

/// Whether weights of so many columns have a coded form, and it is smaller.
constexpr bool is_worth_coding(std::int64_t cols) {
  return cols % kOctet == 0 && coded_bf16_bytes(cols) < static_cast<std::size_t>(cols / 2) * kPairBytes;
}

/// Codes a panel of PanelKind::bf16, [cols / 2][16][2], into coded_bf16_bytes(cols) bytes. False: a block has more
/// exceptions than fit, and `out` is whatever.
bool code_bf16(std::span<const std::uint16_t> panel, std::int64_t cols, std::byte* out);

/// One row of a coded panel, [cols].
void decode_bf16_row(const std::byte* panel, std::int64_t cols, int row, std::span<float> out);

}  // namespace ttt::cpu
