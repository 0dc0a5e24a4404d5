#include "ttt/formats/block_float.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace ttt::inline v2 {
namespace {

std::uint32_t exponent_of(float value) { return std::bit_cast<std::uint32_t>(value) >> 23 & 255u; }

/// What sign << Bits | magnitude stands for.
template <int Bits>
float value_of(std::uint32_t code, float unit) {
  const int magnitude = static_cast<int>(code & ((1u << Bits) - 1));
  return unit * static_cast<float>(code >> Bits != 0 ? -magnitude : magnitude);
}

/// The value of magnitude 1; a subnormal for the smallest exponents.
template <int Bits>
float unit_of(std::uint8_t exponent) {
  return std::ldexp(1.0f, exponent - 126 - Bits);
}

template <int Bits>
std::uint32_t code_of(float value, std::uint32_t shared_exponent) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t exponent = exponent_of(value);
  if (exponent == 0) return 0;
  constexpr int kDropped = 24 - Bits;
  const std::uint32_t significand = ((bits & 0x7FFFFFu) | 0x800000u) >> std::min(shared_exponent - exponent, 31u);
  const std::uint32_t is_odd = significand >> kDropped & 1u;
  const std::uint32_t rounded = (significand + (1u << (kDropped - 1)) - 1u + is_odd) >> kDropped;
  const std::uint32_t magnitude = std::min(rounded, (1u << Bits) - 1u);
  return magnitude == 0 ? 0 : (bits >> 31) << Bits | magnitude;
}

template <int Bits>
std::array<std::uint8_t, kBlockFloatSize> codes_of(const float* in, std::uint8_t& shared_exponent) {
  std::uint32_t most = 0;
  for (int i = 0; i < kBlockFloatSize; ++i) most = std::max(most, exponent_of(in[i]));
  shared_exponent = static_cast<std::uint8_t>(most);
  std::array<std::uint8_t, kBlockFloatSize> codes;
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint8_t>(code_of<Bits>(in[i], most));
  return codes;
}

}  // namespace

void decode_bfp8(const std::uint8_t* block, float* out) {
  const float unit = unit_of<7>(block[0]);
  for (int i = 0; i < kBlockFloatSize; ++i) out[i] = value_of<7>(block[1 + i], unit);
}

void decode_bfp4(const std::uint8_t* block, float* out) {
  const float unit = unit_of<3>(block[0]);
  for (int i = 0; i < kBlockFloatSize; ++i) out[i] = value_of<3>(block[1 + i / 2] >> i % 2 * 4 & 15u, unit);
}

void encode_bfp8(const float* in, std::uint8_t* block) {
  const auto codes = codes_of<7>(in, block[0]);
  std::ranges::copy(codes, block + 1);
}

void encode_bfp4(const float* in, std::uint8_t* block) {
  const auto codes = codes_of<3>(in, block[0]);
  for (std::size_t i = 0; i < codes.size() / 2; ++i)
    block[1 + i] = static_cast<std::uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
}

}  // namespace ttt::inline v2
