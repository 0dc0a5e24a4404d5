#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace ttt::cpu {

/// An activation that stands out of its row, and would leave the others that share its scale few steps of eight bits.
struct Outlier {
  float value;
  std::int32_t token;
  std::uint8_t group, column;  ///< in the block of 256 columns, in the group of 32
};

/// The outliers of quantised activations, as views of scratch. They are found token by token, and gathered block by
/// block: a block of weights then meets those of many tokens in one stretch, whose end is the one branch that a
/// processor cannot foresee.
struct Outliers {
  static constexpr std::int64_t kMost = 16;  ///< of a token's block

  std::int64_t blocks, tokens;
  Outlier* found;           ///< [token][block][kMost]
  std::uint8_t* num_found;  ///< [token][block]
  Outlier* gathered;        ///< [block][tokens * kMost], of which the first few are in use, in the tokens' order
  std::uint32_t* starts;    ///< [block][tokens + 1]: where in them a token's are, which end where the next one's start

  std::size_t room() const { return static_cast<std::size_t>(blocks * tokens * kMost); }

  /// Where a token's block has its own, and their number.
  Outlier* found_at(std::int64_t token, std::int64_t block) const { return found + (token * blocks + block) * kMost; }
  std::uint8_t& num_found_at(std::int64_t token, std::int64_t block) const { return num_found[token * blocks + block]; }
  /// Gathers what was found in a block.
  void gather(std::int64_t block) const;

  /// Of tokens [first, first + count), in the order of tokens and columns.
  std::span<const Outlier> of(std::int64_t block, std::int64_t first, std::int64_t count) const {
    const std::uint32_t* from = starts + block * (tokens + 1) + first;
    return {gathered + block * tokens * kMost + from[0], static_cast<std::size_t>(from[count] - from[0])};
  }
};

}  // namespace ttt::cpu
