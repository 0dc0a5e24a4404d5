#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "ttt/testing/golden_model.h"

namespace ttt::inline v2::testing {

/// How fast a model runs one sequence, and how fast its device could at best, both measured in this run.
struct Speed {
  std::int64_t prompt_tokens;        ///< of the sequence's prompt
  std::int64_t decode_tokens;        ///< after it, one at a time
  double prefill_tokens_per_second;  ///< median over the runs
  double decode_tokens_per_second;   ///< median over the runs
  /// Bytes of weights that decoding reads per second, each weight once a token. An upper bound: of an untied
  /// embedding or a mixture of experts only some rows are read.
  double decode_bytes_per_second;
  /// Reading a buffer of the weights' size, in its cache or in memory, with as many threads as the device
  /// has.
  double read_bytes_per_second;

  /// What the memory allows that is reached when decoding: the roofline of a batch of one.
  double share_of_roofline() const { return decode_bytes_per_second / read_bytes_per_second; }
  std::string str() const;  ///< two lines
};

/// Medians of several runs after a warm-up.
Speed measure_speed(const GoldenModel& model, std::int64_t prompt_tokens, std::int64_t decode_tokens);

/// The checkpoint whose speed says most: what the environment's TTT_PERFORMANCE_MODEL names, else the largest
/// of `folders` (golden folders). Throws ttt::Error when there is none.
std::filesystem::path performance_checkpoint(const std::vector<std::filesystem::path>& folders);

}  // namespace ttt::inline v2::testing
