#pragma once
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "ttt/building_blocks/attention/gqa.h"

namespace ttt::test {

/// One row of a table of real configs: the numbers of a published config.json, run on one layer with random weights.
struct AttentionCase {
  std::string name;
  int hidden_size, num_heads, num_kv_heads, head_dim;
  double theta = 10000;  ///< 0: no rotary embedding
  int window = 0;
  bool qkv_bias = false, output_bias = false;
  double scale = 0;  ///< 0: 1 / sqrt(head_dim)
  std::size_t tokens = 9;
  int rotary_dim = 0;  ///< 0: the whole head
  bool interleaved = false;
  std::optional<QueryKeyNorm::Config> qk_norm = std::nullopt;
  float softcap = 0;
  bool sinks = false;
  bool bidirectional = false;
};

void PrintTo(const AttentionCase& c, std::ostream* out);

/// Random weights of the case, below "attn".
std::shared_ptr<const WeightSource> make_weights(const AttentionCase& c);

/// Runs the block on the whole input, and again token by token, against the reference.
void check_attention(const AttentionCase& c);

/// Fills the cache with more tokens than a window and its pages hold, and compares the rows after those. The oldest
/// keys that these rows see, and those just too old for them, are long ones, so that a window of one more or one less
/// is another answer.
void check_past_window(const AttentionCase& c);

}  // namespace ttt::test
