#include "code_bits.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

namespace ttt::cpu {
namespace {

constexpr std::size_t kQuads = kGroup / 4;

/// Four columns to a word.
using QuadLanes = std::array<std::array<std::uint32_t, kPanelRows>, kQuads>;

QuadLanes quad_lanes(const RowCodes& rows) {
  QuadLanes lanes;
  for (std::size_t r = 0; r < kPanelRows; ++r)
    for (std::size_t j = 0; j < kQuads; ++j) std::memcpy(&lanes[j][r], rows[r] + j * 4, 4);
  return lanes;
}

/// For places that the compiler knows: packing has no time to look them up.
template <int Bits>
void store_codes(const RowCodes& rows, std::byte* group) {
  const QuadLanes lanes = quad_lanes(rows);
  std::array<std::array<std::uint32_t, kPanelRows>, Bits> vectors{};
  const auto store = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    constexpr std::size_t kQuad = I % kQuads;
    constexpr CodeBits kPart = quad_bits(Bits, kQuad)[I / kQuads];
    constexpr std::uint32_t kMask = 0x01010101u * ((1u << kPart.width) - 1);
    if constexpr (kPart.width > 0)
      for (std::size_t r = 0; r < kPanelRows; ++r)
        vectors[kPart.vector][r] |= (lanes[kQuad][r] >> kPart.to & kMask) << kPart.from;
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (store(std::integral_constant<std::size_t, I>{}), ...);
  }(std::make_index_sequence<kQuads * std::tuple_size_v<QuadBits>>{});
  std::memcpy(group, vectors.data(), sizeof vectors);
}

}  // namespace

void store_codes(int bits, const RowCodes& rows, std::byte* group) {
  switch (bits) {
    case 2:
      return store_codes<2>(rows, group);
    case 3:
      return store_codes<3>(rows, group);
    case 4:
      return store_codes<4>(rows, group);
    case 5:
      return store_codes<5>(rows, group);
    case 6:
      return store_codes<6>(rows, group);
    default:
      return store_codes<8>(rows, group);
  }
}

void load_codes(int bits, const std::byte* group, int row, std::uint8_t* codes) {
  std::fill_n(codes, kGroup, std::uint8_t{0});
  for (std::size_t j = 0; j < kQuads; ++j)
    for (const CodeBits& part : quad_bits(bits, static_cast<int>(j))) {
      if (part.width == 0) break;
      const std::byte* bytes = group + part.vector * 64 + row * 4;
      const int mask = (1 << part.width) - 1;
      for (std::size_t c = 0; c < 4; ++c) {
        const int found = static_cast<int>(bytes[c]) >> part.from & mask;
        codes[j * 4 + c] = static_cast<std::uint8_t>(codes[j * 4 + c] | found << part.to);
      }
    }
}

}  // namespace ttt::cpu
