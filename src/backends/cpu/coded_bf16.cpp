#include "coded_bf16.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ttt::cpu {
namespace {

constexpr int kMantissaBits = 7;
constexpr std::uint16_t kExponent = 0x7f80;
constexpr std::size_t kWords = 2 * kPanelRows;  ///< of a pair of columns
constexpr std::size_t kOctetWords = kOctetPairs * kWords;

using Words = std::array<std::uint16_t, kWords>;

/// The largest exponents of a block, each in both words of its row.
Words largest_of(std::span<const std::uint16_t> block) {
  Words largest{};
  for (std::size_t at = 0; at < block.size(); at += kWords)
    for (std::size_t i = 0; i < kWords; ++i)
      largest[i] = std::max<std::uint16_t>(largest[i], block[at + i] & kExponent);
  for (std::size_t i = 0; i < kWords; i += 2) largest[i] = largest[i + 1] = std::max(largest[i], largest[i + 1]);
  return largest;
}

/// Codes an octet; an exponent too far below its largest one gets any code. True: there are such.
bool code_octet(const std::uint16_t* octet, const Words& largest, std::uint16_t* out) {
  std::array<std::uint16_t, 3 * kWords> coded{};
  std::uint16_t farthest = 0;
  for (std::size_t q = 0; q < kOctetPairs; ++q)
    for (std::size_t i = 0; i < kWords; ++i) {
      const std::uint16_t bits = octet[q * kWords + i];
      const auto below = static_cast<std::uint16_t>((largest[i] - (bits & kExponent)) >> kMantissaBits);
      const auto rest = static_cast<std::uint16_t>((bits >> 8 & 0x80) | (bits & 0x7f));
      farthest |= below;
      coded[i] |= static_cast<std::uint16_t>((below & 15) << 4 * q);
      coded[(1 + q / 2) * kWords + i] |= static_cast<std::uint16_t>(rest << q % 2 * 8);
    }
  std::memcpy(out, coded.data(), sizeof coded);
  return farthest > 15;
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
    std::array<std::uint16_t, kOctetBytes / 2> coded;
    const bool any = code_octet(&block[at], largest, coded.data());
    std::memcpy(codes, coded.data(), sizeof coded);
    if (!any) continue;
    header.octets |= 1u << at / kOctetWords;
    for (std::size_t i = at; i < at + kOctetWords; ++i) {
      if ((largest[i % kWords] - (block[i] & kExponent)) >> kMantissaBits <= 15) continue;
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

void decode_bf16_row(const std::byte* panel, std::int64_t cols, int row, std::span<std::uint16_t> out) {
  for (std::int64_t first = 0; first < cols; first += kBf16BlockCols) {
    const std::int64_t count = std::min<std::int64_t>(kBf16BlockCols, cols - first);
    CodedBf16Header header;
    std::memcpy(&header, panel, sizeof header);
    const auto row_of = out.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    for (std::size_t k = 0; k < row_of.size(); ++k) {
      std::array<std::uint16_t, kOctetBytes / 2> coded;
      const std::size_t q = k % kOctet / 2, word = static_cast<std::size_t>(row) * 2 + k % 2;
      std::memcpy(coded.data(), panel + sizeof header + k / kOctet * kOctetBytes, sizeof coded);
      const int below = coded[word] >> 4 * q & 15, rest = coded[(1 + q / 2) * kWords + word] >> q % 2 * 8;
      row_of[k] = static_cast<std::uint16_t>((rest & 0x80) << 8 | (rest & 0x7f) |
                                             (header.largest[row][0] - (below << kMantissaBits)));
    }
    for (const auto& exception : header.exceptions)
      if (exception.place != CodedBf16Header::kNone && exception.place % kWords / 2 == static_cast<std::size_t>(row))
        row_of[exception.place / kWords * 2 + exception.place % 2] = exception.bits;
    panel += coded_bf16_bytes(count);
  }
}

}  // namespace ttt::cpu
