#include "attention_case.h"

#include <cmath>

#include "../support/block_harness.h"

namespace ttt::test {
namespace {

int rotary_dim(const AttentionCase& c) { return c.theta <= 0 ? 0 : c.rotary_dim > 0 ? c.rotary_dim : c.head_dim; }
double scale(const AttentionCase& c) { return c.scale != 0 ? c.scale : 1 / std::sqrt(static_cast<double>(c.head_dim)); }
Mask mask(const AttentionCase& c) {
  return c.bidirectional ? Mask::bidirectional() : c.window > 0 ? Mask::window(c.window) : Mask::causal();
}

/// What the reference says of the rows of x from `first` on.
std::vector<float> reference(const AttentionCase& c, const WeightSource& weights, std::span<const float> x,
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

GroupedQueryAttention make_block(const AttentionCase& c, const std::shared_ptr<const WeightSource>& weights,
                                 const Mask& mask, Device& device) {
  std::optional<RotaryEmbedding> rope;
  if (rotary_dim(c) > 0)
    rope = RotaryEmbedding({.dim = rotary_dim(c),
                            .theta = static_cast<float>(c.theta),
                            .style = c.interleaved ? ops::RotaryStyle::interleaved : ops::RotaryStyle::half});
  return {{.hidden_size = c.hidden_size,
           .num_heads = c.num_heads,
           .num_kv_heads = c.num_kv_heads,
           .head_dim = c.head_dim,
           .scale = static_cast<float>(scale(c)),
           .mask = mask,
           .rope = rope,
           .qkv_bias = c.qkv_bias,
           .output_bias = c.output_bias,
           .qk_norm = c.qk_norm,
           .softcap = c.softcap,
           .sinks = c.sinks},
          Weights(weights) / "attn",
          device,
          CacheLayer{0}};
}

std::vector<CacheLayerSpec> cache_of(const AttentionCase& c) {
  return {{c.num_kv_heads, c.head_dim, c.head_dim, mask(c).window_size}};
}

void expect_agreement(std::span<const float> got, std::span<const float> want, Precision precision, double limit) {
  const auto agreement = testing::compare(got, want);
  EXPECT_GE(agreement.pcc, precision == Precision::exact ? 0.9999999 : 0.999);
  if (precision == Precision::exact) {
    EXPECT_LE(agreement.max_abs_diff, limit);
  }
}

}  // namespace

void PrintTo(const AttentionCase& c, std::ostream* out) { *out << c.name; }

std::shared_ptr<const WeightSource> make_weights(const AttentionCase& c) {
  auto weights = std::make_shared<testing::MemoryWeights>();
  auto add = [&, seed = std::uint64_t{7}](const std::string& name, int out, int in, bool bias) mutable {
    set_spread(*weights, "attn." + name + ".weight", {out, in}, ++seed, 1.6f / std::sqrt(static_cast<float>(in)));
    if (bias) set_spread(*weights, "attn." + name + ".bias", {out}, ++seed, 0.3f);
  };
  add("q_proj", c.num_heads * c.head_dim, c.hidden_size, c.qkv_bias);
  add("k_proj", c.num_kv_heads * c.head_dim, c.hidden_size, c.qkv_bias);
  add("v_proj", c.num_kv_heads * c.head_dim, c.hidden_size, c.qkv_bias);
  add("o_proj", c.hidden_size, c.num_heads * c.head_dim, c.output_bias);
  if (c.sinks) set_spread(*weights, "attn.sinks", {c.num_heads}, 5, 1.0f);
  const auto add_norm = [&](const std::string& name, int heads, std::uint64_t seed) {
    const int size = c.qk_norm->scope == QueryKeyNorm::Scope::shared ? c.head_dim : heads * c.head_dim;
    set_spread(*weights, "attn." + name + ".weight", {size}, seed, 0.2f, 1.0f);
    if (c.qk_norm->bias) set_spread(*weights, "attn." + name + ".bias", {size}, seed + 1, 0.2f);
  };
  if (c.qk_norm) {
    add_norm("q_norm", c.num_heads, 20);
    add_norm("k_norm", c.num_kv_heads, 30);
  }
  return weights;
}

void check_attention(const AttentionCase& c) {
  const auto weights = make_weights(c);
  const auto x = testing::random_values(c.tokens * static_cast<std::size_t>(c.hidden_size), 3);
  const auto want = reference(c, *weights, x);
  for (const auto precision : {Precision::exact, Precision::standard}) {
    BlockHarness harness(precision, cache_of(c));
    const auto block = make_block(c, weights, mask(c), harness.device());
    const auto whole = harness.run(block, x, c.hidden_size, c.hidden_size, {c.tokens});
    expect_agreement(whole, want, precision, 2e-4);
    if (precision != Precision::exact || c.bidirectional) continue;  // without a mask a sequence goes in whole
    harness.restart();
    EXPECT_EQ(harness.run(block, x, c.hidden_size, c.hidden_size, std::vector<std::size_t>(c.tokens, 1)), whole)
        << "token by token must give the bits of the whole";
  }
}

void check_past_window(const AttentionCase& c) {
  constexpr std::size_t kChunk = 512, kCompared = 8;
  ASSERT_GT(c.tokens, static_cast<std::size_t>(c.window) + kCompared);
  const auto weights = make_weights(c);
  const auto hidden = static_cast<std::size_t>(c.hidden_size), before = c.tokens - kCompared;
  auto x = testing::random_values(c.tokens * hidden, 3);
  for (std::size_t i = 0; i < (c.tokens - static_cast<std::size_t>(c.window)) * hidden; ++i) x[i] *= 3;
  const auto want = reference(c, *weights, x, before);
  std::vector<std::size_t> chunks(before / kChunk, kChunk);
  if (const auto rest = before % kChunk) chunks.push_back(rest);
  const auto run = [&](Precision precision, const std::vector<std::size_t>& steps) {
    BlockHarness harness(precision, cache_of(c), static_cast<std::int64_t>(c.tokens));
    // What the rows before see is not asked here: their keys and values are the same with a window of one.
    const auto filler = make_block(c, weights, Mask::window(1), harness.device());
    harness.run(filler, std::span(x).first(before * hidden), c.hidden_size, c.hidden_size, chunks);
    const auto block = make_block(c, weights, mask(c), harness.device());
    return harness.run(block, std::span(x).last(kCompared * hidden), c.hidden_size, c.hidden_size, steps);
  };
  // f32 angles of thousands of radians, as the models have them, are a few 1e-4 off.
  const auto whole = run(Precision::exact, {kCompared});
  expect_agreement(whole, want, Precision::exact, 2e-3);
  EXPECT_EQ(run(Precision::exact, std::vector<std::size_t>(kCompared, 1)), whole)
      << "token by token must give the bits of the whole";
  expect_agreement(run(Precision::standard, std::vector<std::size_t>(kCompared, 1)), want, Precision::standard, 2e-3);
}

}  // namespace ttt::test
