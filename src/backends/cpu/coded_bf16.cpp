#include "coded_bf16.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "load.h"
#include "ttt/formats/dequantize.h"

namespace ttt::cpu {
namespace {

constexpr std::uint16_t kExponent = 0x7f80;
constexpr unsigned kOwn = 0x87ff;  // the bits of a word that its own pair has

using Words = std::array<std::uint16_t, kPairWords>;

/// The largest exponents of a block, each in both words of its row.
Words largest_of(std::span<const std::uint16_t> block) {
  Words largest{};
  for (std::size_t at = 0; at < block.size(); at += kPairWords)
    for (std::size_t i = 0; i < kPairWords; ++i)
      largest[i] = std::max<std::uint16_t>(largest[i], block[at + i] & kExponent);
  for (std::size_t i = 0; i < kPairWords; i += 2) largest[i] = largest[i + 1] = std::max(largest[i], largest[i + 1]);
  return largest;
}

constexpr bool is_exception(std::uint16_t bits, std::uint16_t largest) {
  return largest - (bits & kExponent) > kBf16Span;
}

/// A weight's sign, exponent above the smallest and mantissa, where bf16 has them; of an exception, any.
constexpr unsigned code_of(std::uint16_t bits, std::uint16_t largest) {
  return (bits - static_cast<unsigned>(largest) + kBf16Span) & kOwn;
}

/// The bits of a fourth pair's code that each of the other pairs has, and back.
constexpr std::array<unsigned, 3> spread(unsigned code) {
  return {(code & 0x780) << 4, (code & 0x78) << 8, (code & 7) << 12 | (code & 0x8000) >> 4};
}
constexpr unsigned gather(unsigned a, unsigned b, unsigned c) {
  return (a >> 4 & 0x780) | (b >> 8 & 0x78) | (c >> 12 & 7) | (c << 4 & 0x8000);
}

/// Codes an octet. True: there are exceptions.
bool code_octet(const std::uint16_t* octet, const Words& largest, std::byte* out) {
  std::array<std::uint16_t, 3 * kPairWords> coded{};
  bool any = false;
  for (std::size_t i = 0; i < kPairWords; ++i) {
    for (std::size_t q = 0; q < kOctetPairs; ++q) any |= is_exception(octet[q * kPairWords + i], largest[i]);
    const auto fourth = spread(code_of(octet[3 * kPairWords + i], largest[i]));
    for (std::size_t q = 0; q < fourth.size(); ++q)
      coded[q * kPairWords + i] =
          static_cast<std::uint16_t>(code_of(octet[q * kPairWords + i], largest[i]) | fourth[q]);
  }
  std::memcpy(out, coded.data(), sizeof coded);
  return any;
}

/// Codes a block. False: too many exceptions.
bool code_block(std::span<const std::uint16_t> block, std::byte* out) {
  const Words largest = largest_of(block);
  CodedBf16Header header;
  std::memcpy(header.largest, largest.data(), sizeof header.largest);
  std::ranges::fill(header.exceptions, CodedBf16Header::Exception{CodedBf16Header::kNone, 0});
  header.octets = 0;
  int exceptions = 0;
  std::byte* codes = out + sizeof header;
  for (std::size_t at = 0; at < block.size(); at += kOctetWords, codes += kOctetBytes) {
    if (!code_octet(&block[at], largest, codes)) continue;
    header.octets |= 1u << at / kOctetWords;
    for (std::size_t i = at; i < at + kOctetWords; ++i) {
      if (!is_exception(block[i], largest[i % kPairWords])) continue;
      if (exceptions == CodedBf16Header::kExceptions) return false;
      header.exceptions[exceptions++] = {static_cast<std::uint16_t>(i), block[i]};
    }
  }
  std::memcpy(out, &header, sizeof header);
  return true;
}

}  // namespace

bool code_bf16(std::span<const std::uint16_t> panel, std::int64_t cols, std::byte* out) {
  for (std::int64_t first = 0; first < cols; first += kBf16BlockCols) {
    const std::int64_t count = std::min<std::int64_t>(kBf16BlockCols, cols - first);
    if (!code_block(
            panel.subspan(static_cast<std::size_t>(first) * kPanelRows, static_cast<std::size_t>(count) * kPanelRows),
            out))
      return false;
    out += coded_bf16_bytes(count);
  }
  return true;
}

void decode_bf16_row(const std::byte* panel, std::int64_t cols, int row, std::span<float> out) {
  for (std::int64_t first = 0; first < cols; first += kBf16BlockCols) {
    const std::int64_t count = std::min<std::int64_t>(kBf16BlockCols, cols - first);
    CodedBf16Header header;
    std::memcpy(&header, panel, sizeof header);
    const auto values = out.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::byte* octet = panel + sizeof header + k / kOctet * kOctetBytes;
      const std::size_t q = k % kOctet / 2, at = (static_cast<std::size_t>(row) * 2 + k % 2) * 2;
      const auto word = [&](std::size_t pair) -> unsigned { return load_u16(octet + pair * kPairBytes + at); };
      const unsigned code = q == 3 ? gather(word(0), word(1), word(2)) : word(q) & kOwn;
      values[k] = bf16_to_f32(static_cast<std::uint16_t>(code + header.largest[row][0] - kBf16Span));
    }
    for (const auto& exception : header.exceptions)
      if (exception.place != CodedBf16Header::kNone && exception.place % kPairWords / 2 == row)
        values[static_cast<std::size_t>(exception.place / kPairWords * 2 + exception.place % 2)] =
            bf16_to_f32(exception.bits);
    panel += coded_bf16_bytes(count);
  }
}

}  // namespace ttt::cpu
