#include "coded_bf16.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "load.h"
#include "ttt/formats/dequantize.h"

namespace ttt::cpu {
namespace {

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

/// How far a weight's exponent is below its row's largest one, where bf16 has it.
constexpr std::uint16_t below_largest(std::uint16_t bits, std::uint16_t largest) {
  return static_cast<std::uint16_t>(largest - (bits & kExponent));
}

/// A weight's sign, exponent above the base and mantissa, where bf16 has them; of an exception, any.
constexpr std::uint16_t code_of(std::uint16_t bits, std::uint16_t largest) {
  return static_cast<std::uint16_t>((bits - largest + kBf16Span) & kOwnBits);
}

/// Puts a code of pair 3 into the other pairs' words, and takes it from there.
constexpr void spread(std::uint16_t code, std::array<std::uint16_t, kSpreadPair>& words) {
  for (const auto& [pair, mask, left] : kSpread) {
    const int bits = code & mask;
    words[static_cast<std::size_t>(pair)] |= static_cast<std::uint16_t>(left < 0 ? bits << -left : bits >> left);
  }
}
constexpr std::uint16_t gather(const std::array<std::uint16_t, kSpreadPair>& words) {
  int code = 0;
  for (const auto& [pair, mask, left] : kSpread) {
    const int word = words[static_cast<std::size_t>(pair)];
    code |= (left < 0 ? word >> -left : word << left) & mask;
  }
  return static_cast<std::uint16_t>(code);
}

constexpr bool spreads(std::uint16_t code) {
  std::array<std::uint16_t, kSpreadPair> words{};
  spread(code, words);
  for (auto& word : words) {
    if ((word & kOwnBits) != 0) return false;
    word |= kOwnBits;
  }
  return gather(words) == code;
}
static_assert(spreads(0) && spreads(kOwnBits) && spreads(0x8555) && spreads(0x02aa));

/// Codes an octet. True: there are exceptions.
bool code_octet(const std::uint16_t* octet, const Words& largest, std::byte* out) {
  std::array<std::uint16_t, kSpreadPair * kPairWords> coded{};
  std::uint16_t most_below = 0;
  for (std::size_t i = 0; i < kPairWords; ++i) {
    std::array<std::uint16_t, kSpreadPair> words{};
    spread(code_of(octet[kSpreadPair * kPairWords + i], largest[i]), words);
    for (std::size_t q = 0; q < words.size(); ++q)
      coded[q * kPairWords + i] = words[q] | code_of(octet[q * kPairWords + i], largest[i]);
    for (std::size_t q = 0; q < kOctetPairs; ++q)
      most_below = std::max(most_below, below_largest(octet[q * kPairWords + i], largest[i]));
  }
  std::memcpy(out, coded.data(), sizeof coded);
  return most_below > kBf16Span;
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
      if (below_largest(block[i], largest[i % kPairWords]) <= kBf16Span) continue;
      if (exceptions == CodedBf16Header::kExceptions) return false;
      header.exceptions[exceptions++] = {static_cast<std::uint16_t>(i), block[i]};
    }
  }
  std::memcpy(out, &header, sizeof header);
  return true;
}

}  // namespace

bool code_bf16(std::span<const std::uint16_t> panel, std::int64_t cols, std::byte* out) {
  for (std::int64_t first = 0; first < cols; first += kBlockCols) {
    const std::int64_t count = std::min<std::int64_t>(kBlockCols, cols - first);
    if (!code_block(
            panel.subspan(static_cast<std::size_t>(first) * kPanelRows, static_cast<std::size_t>(count) * kPanelRows),
            out))
      return false;
    out += coded_bf16_bytes(count);
  }
  return true;
}

void decode_bf16_row(const std::byte* panel, std::int64_t cols, int row, std::span<float> out) {
  for (std::int64_t first = 0; first < cols; first += kBlockCols) {
    const std::int64_t count = std::min<std::int64_t>(kBlockCols, cols - first);
    CodedBf16Header header;
    std::memcpy(&header, panel, sizeof header);
    const auto values = out.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::byte* octet = panel + sizeof header + k / kOctet * kOctetBytes;
      const std::size_t q = k % kOctet / 2, at = (static_cast<std::size_t>(row) * 2 + k % 2) * 2;
      const auto word = [&](std::size_t pair) { return load_u16(octet + pair * kPairBytes + at); };
      const int code = q == kSpreadPair ? gather({word(0), word(1), word(2)}) : word(q) & kOwnBits;
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
