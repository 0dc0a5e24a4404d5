#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "panel_layout.h"

namespace ttt::cpu {

/// Part of the codes of a quad, four columns of 16 rows: `width` of their bits, from bit `to` on, lie in the bytes of a
/// group's 64-byte vector `vector`, from bit `from` on.
struct CodeBits {
  int vector, from, to, width;
};

/// All of a quad's bits; parts of no width come last.
using QuadBits = std::array<CodeBits, 3>;

/// Where quad `quad` of a group of eight lies, for codes of `bits` bits; no two lie in the same place.
///
/// Codes of 2, 4 or 8 bits share bytes evenly, and those of 3 are a plane of 2 bits and one of 1. Of 5 or 6 bits, most
/// quads take the low bits of a vector each, which one operation reads, and the others are spread over the 3 or 2 bits
/// a byte that those leave.
constexpr QuadBits quad_bits(int bits, int quad) {
  switch (bits) {
    case 3:
      return {{{quad / 4, quad % 4 * 2, 0, 2}, {2, quad, 2, 1}}};
    case 5:
      if (quad == 5) return {{{0, 5, 0, 3}, {1, 6, 3, 2}}};
      if (quad == 6) return {{{2, 5, 0, 3}, {3, 6, 3, 2}}};
      if (quad == 7) return {{{4, 5, 0, 3}, {1, 5, 3, 1}, {3, 5, 4, 1}}};
      return {{{quad, 0, 0, 5}}};
    case 6: {
      const int first = quad / 4 * 3;
      if (quad % 4 == 3) return {{{first, 6, 0, 2}, {first + 1, 6, 2, 2}, {first + 2, 6, 4, 2}}};
      return {{{first + quad % 4, 0, 0, 6}}};
    }
    default:
      return {{{quad * bits / 8, quad * bits % 8, 0, bits}}};
  }
}

/// The codes of a quad, unpacked: 16 rows x 4 columns, a byte each.
using QuadVector = std::array<std::uint32_t, kPanelRows>;

/// Packs the quads of a group or, where codes have 6 bits, of half a group.
void pack_quads(int bits, std::span<const QuadVector> quads, std::byte* out);

/// Of packed quads, the bytes of quad `quad` from byte `first` on.
void unpack_bytes(int bits, const std::byte* packed, int quad, int first, std::span<std::uint8_t> out);

}  // namespace ttt::cpu
