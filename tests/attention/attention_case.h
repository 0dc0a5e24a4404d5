#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "../support/block_harness.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/attention/mha.h"
#include "ttt/core/error.h"

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

inline void PrintTo(const AttentionCase& c, std::ostream* out) { *out << c.name; }

inline std::shared_ptr<const WeightSource> make_weights(const AttentionCase& c) {
  auto weights = std::make_shared<testing::MemoryWeights>();
  auto add = [&, seed = std::uint64_t{7}](const std::string& name, int out, int in, bool bias) mutable {
    weights->set_random("attn." + name + ".weight", {out, in}, ++seed, 1.6f / std::sqrt(static_cast<float>(in)));
    if (bias) weights->set_random("attn." + name + ".bias", {out}, ++seed, 0.3f);
  };
  add("q_proj", c.num_heads * c.head_dim, c.hidden_size, c.qkv_bias);
  add("k_proj", c.num_kv_heads * c.head_dim, c.hidden_size, c.qkv_bias);
  add("v_proj", c.num_kv_heads * c.head_dim, c.hidden_size, c.qkv_bias);
  add("o_proj", c.hidden_size, c.num_heads * c.head_dim, c.output_bias);
  if (c.sinks) weights->set_random("attn.sinks", {c.num_heads}, 5, 1.0f);
  const auto add_norm = [&](const std::string& name, int heads, std::uint64_t seed) {
    const int size = c.qk_norm->scope == QueryKeyNorm::Scope::shared ? c.head_dim : heads * c.head_dim;
    weights->set_random("attn." + name + ".weight", {size}, seed, 0.2f, 1.0f);
    if (c.qk_norm->bias) weights->set_random("attn." + name + ".bias", {size}, seed + 1, 0.2f);
  };
  if (c.qk_norm) {
    add_norm("q_norm", c.num_heads, 20);
    add_norm("k_norm", c.num_kv_heads, 30);
  }
  return weights;
}

inline int rotary_dim(const AttentionCase& c) {
  return c.theta <= 0 ? 0 : c.rotary_dim > 0 ? c.rotary_dim : c.head_dim;
}
inline double scale(const AttentionCase& c) {
  return c.scale != 0 ? c.scale : 1 / std::sqrt(static_cast<double>(c.head_dim));
}
inline Mask mask(const AttentionCase& c) {
  return c.bidirectional ? Mask::bidirectional() : c.window > 0 ? Mask::window(c.window) : Mask::causal();
}

/// What the reference says of the rows of x from `first` on.
inline std::vector<float> reference(const AttentionCase& c, const WeightSource& weights, std::span<const float> x,
                                    std::size_t first = 0) {
  return flatten(reference_attention(to_rows(x, static_cast<std::size_t>(c.hidden_size)), weights, "attn",
                                     {.num_heads = c.num_heads,
                                      .num_kv_heads = c.num_kv_heads,
                                      .head_dim = c.head_dim,
                                      .scale = scale(c),
                                      .window = c.window,
                                      .rotary_dim = rotary_dim(c),
                                      .theta = c.theta,
                                      .interleaved = c.interleaved,
                                      .qk_norm = c.qk_norm,
                                      .softcap = c.softcap,
                                      .sinks = c.sinks,
                                      .bidirectional = c.bidirectional,
                                      .first = first}));
}

/// What the block says of all rows of x, given to it in chunks of those sizes.
inline std::vector<float> run_block(const AttentionCase& c, const std::shared_ptr<const WeightSource>& weights,
                                    std::span<const float> x, Precision precision,
                                    const std::vector<std::size_t>& chunks) {
  std::optional<RotaryEmbedding> rope;
  if (rotary_dim(c) > 0)
    rope = RotaryEmbedding({.dim = rotary_dim(c),
                            .theta = static_cast<float>(c.theta),
                            .style = c.interleaved ? ops::RotaryStyle::interleaved : ops::RotaryStyle::half});
  BlockHarness harness(precision, {{c.num_kv_heads, c.head_dim, c.head_dim, mask(c).window_size}},
                       std::max<std::int64_t>(512, static_cast<std::int64_t>(c.tokens)));
  const GroupedQueryAttention block({.hidden_size = c.hidden_size,
                                     .num_heads = c.num_heads,
                                     .num_kv_heads = c.num_kv_heads,
                                     .head_dim = c.head_dim,
                                     .scale = static_cast<float>(scale(c)),
                                     .mask = mask(c),
                                     .rope = rope,
                                     .qkv_bias = c.qkv_bias,
                                     .output_bias = c.output_bias,
                                     .qk_norm = c.qk_norm,
                                     .softcap = c.softcap,
                                     .sinks = c.sinks},
                                    Weights(weights) / "attn", harness.device(), CacheLayer{0});
  return harness.run(block, x, c.hidden_size, c.hidden_size, chunks);
}

inline void expect_agreement(std::span<const float> got, std::span<const float> want, Precision precision) {
  const auto agreement = testing::compare(got, want);
  EXPECT_GE(agreement.pcc, precision == Precision::exact ? 0.9999999 : 0.999);
  if (precision == Precision::exact) {
    EXPECT_LE(agreement.max_abs_diff, 2e-4);
  }
}

/// Runs the block on the whole input, and again token by token, against the reference.
inline void check_attention(const AttentionCase& c) {
  const auto weights = make_weights(c);
  const auto x = testing::random_values(c.tokens * static_cast<std::size_t>(c.hidden_size), 3);
  const auto want = reference(c, *weights, x);
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto whole = run_block(c, weights, x, precision, {c.tokens});
    expect_agreement(whole, want, precision);
    if (precision != Precision::exact || c.bidirectional) continue;  // a sequence without a mask goes in whole
    EXPECT_EQ(run_block(c, weights, x, precision, std::vector<std::size_t>(c.tokens, 1)), whole)
        << "token by token must give the bits of the whole";
  }
}

/// Fills the cache with more tokens than the window and than the pages that it keeps, and compares the last rows, half
/// of them the end of a chunk and half steps of their own. The keys that these rows see last, and those just too old
/// for them, are long ones, so that a window of one more or one less is another answer.
inline void check_past_window(const AttentionCase& c) {
  constexpr std::size_t kChunk = 512, kDecoded = 4, kCompared = 8;
  ASSERT_GT(c.tokens, static_cast<std::size_t>(c.window) + kCompared);
  const auto weights = make_weights(c);
  const auto hidden = static_cast<std::size_t>(c.hidden_size);
  auto x = testing::random_values(c.tokens * hidden, 3);
  const auto oldest_seen = c.tokens - static_cast<std::size_t>(c.window);
  for (std::size_t i = 0; i < oldest_seen * hidden; ++i) x[i] *= 3;
  const auto want = reference(c, *weights, x, c.tokens - kCompared);
  std::vector<std::size_t> chunks((c.tokens - kDecoded) / kChunk, kChunk);
  if (const auto rest = (c.tokens - kDecoded) % kChunk) chunks.push_back(rest);
  chunks.insert(chunks.end(), kDecoded, 1);
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto got = run_block(c, weights, x, precision, chunks);
    expect_agreement(std::span(got).last(want.size()), want, precision);
  }
}

}  // namespace ttt::test
