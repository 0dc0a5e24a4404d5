#include "coded_bf16.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "load.h"
#include "ttt/formats/dequantize.h"

namespace ttt::cpu {
namespace {

constexpr int kMantissaBits = 7;
constexpr std::uint16_t kExponent = 0x7f80;

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

/// Codes an octet; an exponent too far below its largest one gets any code. True: there are such.
bool code_octet(const std::uint16_t* octet, const Words& largest, std::byte* out) {
  std::array<std::uint16_t, 3 * kPairWords> coded{};
  std::uint16_t all_below = 0;
  for (std::size_t q = 0; q < kOctetPairs; ++q)
    for (std::size_t i = 0; i < kPairWords; ++i) {
      const std::uint16_t bits = octet[q * kPairWords + i];
      const auto below = static_cast<std::uint16_t>((largest[i] - (bits & kExponent)) >> kMantissaBits);
      const auto rest = static_cast<std::uint16_t>((bits >> 8 & 0x80) | (bits & 0x7f));
      all_below |= below;
      coded[i] |= static_cast<std::uint16_t>((below & 15) << 4 * q);
      coded[(1 + q / 2) * kPairWords + i] |= static_cast<std::uint16_t>(rest << q % 2 * 8);
    }
  std::memcpy(out, coded.data(), sizeof coded);
  return all_below > 15;
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
      if ((largest[i % kPairWords] - (block[i] & kExponent)) >> kMantissaBits <= 15) continue;
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
      const int below = load_u16(octet + at) >> 4 * q & 15,
                rest = load_u16(octet + (1 + q / 2) * kPairBytes + at) >> q % 2 * 8;
      values[k] = bf16_to_f32(static_cast<std::uint16_t>((rest & 0x80) << 8 | (rest & 0x7f) |
                                                         (header.largest[row][0] - (below << kMantissaBits))));
    }
    for (const auto& exception : header.exceptions)
      if (exception.place != CodedBf16Header::kNone && exception.place % kPairWords / 2 == row)
        values[static_cast<std::size_t>(exception.place / kPairWords * 2 + exception.place % 2)] =
            bf16_to_f32(exception.bits);
    panel += coded_bf16_bytes(count);
  }
}

}  // namespace ttt::cpu
