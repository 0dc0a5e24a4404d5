#pragma once
#include <cstdint>
#include <span>

namespace ttt::inline v2::ops {

/// Consecutive rows of a step that belong to one sequence, in order of position.
struct SequenceRows {
  std::int32_t first_row;       ///< in the activations
  std::int32_t num_rows;        ///< at least one
  std::int32_t first_position;  ///< of `first_row`; the cache already holds the positions before it
};

/// Which sequence and position each row of the activations is: `x` is ragged over sequences.
struct BatchPlan {
  std::span<const std::int32_t> token_ids;  ///< [rows]
  std::span<const std::int32_t> positions;  ///< [rows]
  std::span<const SequenceRows> sequences;  ///< in the order of their rows, which they cover
};

}  // namespace ttt::inline v2::ops
