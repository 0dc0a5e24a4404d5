#include "code_bits.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

namespace ttt::cpu {
namespace {

/// For places that the compiler knows: packing has no time to look them up.
template <int Bits, std::size_t Quads>
void pack(const QuadVector* quads, std::byte* out) {
  std::array<QuadVector, Quads * Bits / 8> vectors{};
  const auto store = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    constexpr CodeBits kPart = quad_bits(Bits, I % Quads)[I / Quads];
    constexpr std::uint32_t kMask = 0x01010101u * ((1u << kPart.width) - 1);
    if constexpr (kPart.width > 0)
      for (std::size_t r = 0; r < kPanelRows; ++r)
        vectors[kPart.vector][r] |= (quads[I % Quads][r] >> kPart.to & kMask) << kPart.from;
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (store(std::integral_constant<std::size_t, I>{}), ...);
  }(std::make_index_sequence<Quads * std::tuple_size_v<QuadBits>>{});
  std::memcpy(out, vectors.data(), sizeof vectors);
}

}  // namespace

void pack_quads(int bits, std::span<const QuadVector> quads, std::byte* out) {
  switch (bits) {
    case 2:
      return pack<2, 8>(quads.data(), out);
    case 3:
      return pack<3, 8>(quads.data(), out);
    case 4:
      return pack<4, 8>(quads.data(), out);
    case 5:
      return pack<5, 8>(quads.data(), out);
    case 6:
      return quads.size() == 4 ? pack<6, 4>(quads.data(), out) : pack<6, 8>(quads.data(), out);
    default:
      return pack<8, 8>(quads.data(), out);
  }
}

void unpack_bytes(int bits, const std::byte* packed, int quad, int first, std::span<std::uint8_t> out) {
  std::ranges::fill(out, std::uint8_t{0});
  for (const CodeBits& part : quad_bits(bits, quad)) {
    if (part.width == 0) break;
    const std::byte* bytes = packed + part.vector * 64 + first;
    const int mask = (1 << part.width) - 1;
    for (auto& code : out)
      code = static_cast<std::uint8_t>(code | (static_cast<int>(*bytes++) >> part.from & mask) << part.to);
  }
}

}  // namespace ttt::cpu
