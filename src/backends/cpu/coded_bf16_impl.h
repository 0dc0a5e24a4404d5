#pragma once
// Reading coded bf16 (coded_bf16.h) into vectors of bf16, over a level's primitives `V`. See linear_kernels_impl.h.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "coded_bf16.h"
#include "panel_codes_impl.h"

namespace ttt::cpu {
namespace {

/// A run of pair 3's bits, taken from another pair's words.
template <int Run>
inline __attribute__((always_inline)) V::B spread_bits(const V::B (&coded)[kSpreadPair]) {
  constexpr SpreadBits kRun = kSpread[Run];
  return V::template word_bits<kRun.mask, kRun.left>(coded[kRun.pair]);
}

/// Pair Q of an octet, from what is stored and the rows' bases.
template <int Q>
inline __attribute__((always_inline)) V::B octet_pair(const V::B (&coded)[kSpreadPair], V::B base) {
  if constexpr (Q < kSpreadPair) {
    return V::add_words(V::template word_bits<kOwnBits, 0>(coded[Q]), base);
  } else {
    // In this order a processor that has an operation of three inputs takes one for a mask and the joining.
    V::B code = spread_bits<0>(coded);
    unroll<std::size(kSpread) - 1>(
        [&](auto run) __attribute__((always_inline)) { code = V::either(code, spread_bits<run + 1>(coded)); });
    return V::add_words(code, base);
  }
}

/// How far ahead of an octet memory is asked for, in bytes. Where many tokens meet it, the instructions that a
/// processor looks over have too few reads among them. Few need the octet behind theirs, or what lies `ahead`.
constexpr std::size_t kAheadOfFew = kOctetBytes, kAheadOfMany = 16 * kOctetBytes;
constexpr std::size_t bf16_ahead(int tokens, std::size_t ahead) {
  return tokens > 2 ? kAheadOfMany : std::max(ahead, kAheadOfFew);
}

/// An octet's pairs of columns.
struct OctetPairs {
  V::B pair[kOctetPairs];
};

/// Puts an octet's exceptions in their places.
[[gnu::noinline]] inline OctetPairs with_exceptions(const std::byte* block, int octet, const OctetPairs& pairs) {
  CodedBf16Header header;
  std::memcpy(&header, block, sizeof header);
  alignas(64) std::uint16_t words[kOctetWords];
  const auto at = [&](int q) { return reinterpret_cast<std::byte*>(words + q * kPairWords); };
  for (int q = 0; q < kOctetPairs; ++q) V::store_bytes(at(q), pairs.pair[q]);
  for (const auto& exception : header.exceptions)
    if (exception.place / kOctetWords == octet) words[exception.place % kOctetWords] = exception.bits;
  OctetPairs mended;
  for (int q = 0; q < kOctetPairs; ++q) mended.pair[q] = V::load_bytes(at(q));
  return mended;
}

/// A block of a panel.
class CodedBf16Block {
 public:
  CodedBf16Block() = default;
  inline __attribute__((always_inline)) explicit CodedBf16Block(const std::byte* block)
      : block_(block), base_(V::words_less(V::load_bytes(block), kBf16Span)) {
    std::memcpy(&exceptions_, block + offsetof(CodedBf16Header, octets), sizeof exceptions_);
  }

  /// Asks for what lies `ahead` bytes behind the octet, too.
  inline __attribute__((always_inline)) OctetPairs load(int octet, std::size_t ahead) const {
    const std::byte* at = block_ + sizeof(CodedBf16Header) + static_cast<std::size_t>(octet) * kOctetBytes;
    for (std::size_t line = 0; line < kOctetBytes; line += kPairBytes) __builtin_prefetch(at + ahead + line);
    const V::B coded[] = {V::load_once(at), V::load_once(at + kPairBytes), V::load_once(at + 2 * kPairBytes)};
    OctetPairs pairs;
    unroll<kOctetPairs>([&](auto q) __attribute__((always_inline)) { pairs.pair[q] = octet_pair<q>(coded, base_); });
    if (__builtin_expect(exceptions_ >> octet & 1, 0)) {
      const OctetPairs read = pairs;  // of its own, or the pairs would be kept in memory
      pairs = with_exceptions(block_, octet, read);
    }
    return pairs;
  }

 private:
  const std::byte* block_;
  V::B base_;
  std::uint32_t exceptions_;
};

/// Calls f(first column, where the block lies in a panel, number of octets) for a panel's blocks, in order.
template <class F>
inline __attribute__((always_inline)) void for_each_bf16_block(std::int64_t cols, F f) {
  std::size_t at = 0;
  for (std::int64_t first = 0; first < cols; first += kBlockCols) {
    const std::int64_t count = std::min<std::int64_t>(kBlockCols, cols - first);
    f(first, at, static_cast<int>(count / kOctet));
    at += coded_bf16_bytes(count);
  }
}

/// Columns [first, first + count) of a panel as PanelKind::bf16; `first` is a multiple of 256, `count` of 8.
inline void unpack_bf16(const std::byte* panel, std::int64_t first, std::int64_t count, std::byte* out) {
  panel += coded_bf16_bytes(first);
  for_each_bf16_block(count, [&](std::int64_t, std::size_t at, int octets) {
    const CodedBf16Block block(panel + at);
    for (int octet = 0; octet < octets; ++octet)
      for (const V::B pair : block.load(octet, kAheadOfMany).pair) {
        V::store_bytes(out, pair);
        out += kPairBytes;
      }
  });
}

}  // namespace
}  // namespace ttt::cpu
