#include "ttt/formats/block_float.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace ttt::inline v2 {
namespace {

std::uint32_t exponent_of(float value) { return std::bit_cast<std::uint32_t>(value) >> 23 & 255u; }
float power_of_two(int exponent) { return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23); }

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

/// The code of a value whose `significand` is cut to 24 bits below the shared exponent.
template <int Bits>
std::uint32_t code_of(float value, std::int32_t significand) {
  constexpr int kDropped = 24 - Bits, kLargest = (1 << Bits) - 1;
  const std::int32_t is_odd = significand >> kDropped & 1;
  const std::int32_t rounded = (significand + (1 << (kDropped - 1)) - 1 + is_odd) >> kDropped;
  const std::int32_t magnitude = std::min(rounded, kLargest);
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(value) >> 31 << Bits;
  return (magnitude == 0 ? 0 : sign) | static_cast<std::uint32_t>(magnitude);
}

template <int Bits>
std::array<std::uint8_t, kBlockFloatSize> codes_of(const float* in, std::uint8_t& shared_exponent) {
  std::int32_t largest = 0;
  for (int i = 0; i < kBlockFloatSize; ++i)
    largest = std::max(largest, std::bit_cast<std::int32_t>(in[i]) & 0x7FFFFFFF);
  const int shared = largest >> 23;
  shared_exponent = static_cast<std::uint8_t>(shared);
  // 2^(150 - shared), which moves the largest value's significand to 24 bits, in two factors that are floats.
  const int half = (150 - shared) / 2;
  const float first = power_of_two(half), second = power_of_two(150 - shared - half);
  std::array<std::uint8_t, kBlockFloatSize> codes;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const float magnitude = exponent_of(in[i]) == 0 ? 0.0f : std::abs(in[i]);
    codes[i] = static_cast<std::uint8_t>(code_of<Bits>(in[i], static_cast<std::int32_t>(magnitude * first * second)));
  }
  return codes;
}

}  // namespace

void decode_bfp8(const std::uint8_t* block, float* out) {
  const float unit = unit_of<7>(block[0]);
  for (int i = 0; i < kBlockFloatSize; ++i) out[i] = value_of<7>(block[1 + i], unit);
}

void decode_bfp4(const std::uint8_t* block, float* out) {
  const float unit = unit_of<3>(block[0]);
  std::array<std::uint8_t, kBlockFloatSize> codes;
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = block[1 + i / 2] >> i % 2 * 4 & 15;
  for (std::size_t i = 0; i < codes.size(); ++i) out[i] = value_of<3>(codes[i], unit);
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
