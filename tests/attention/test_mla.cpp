#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>

#include "../support/block_harness.h"
#include "ttt/building_blocks/attention/mla.h"
#include "ttt/core/error.h"

namespace ttt::test {
namespace {

/// The numbers of a published config.json, run on one layer with random weights.
struct LatentCase {
  std::string name;
  int hidden_size, num_heads, q_lora_rank, kv_lora_rank, nope, rope, v;
  bool interleaved = true, bias = false;
  std::size_t tokens = 9;
};

void PrintTo(const LatentCase& c, std::ostream* out) { *out << c.name; }

std::shared_ptr<testing::MemoryWeights> make_weights(const LatentCase& c) {
  auto weights = std::make_shared<testing::MemoryWeights>();
  auto add = [&, seed = std::uint64_t{40}](const std::string& name, int out, int in, bool bias = false) mutable {
    set_spread(*weights, "attn." + name + ".weight", {out, in}, ++seed, 1.4f / std::sqrt(static_cast<float>(in)));
    if (bias) set_spread(*weights, "attn." + name + ".bias", {out}, ++seed, 0.3f);
  };
  const int q = c.num_heads * (c.nope + c.rope);
  if (c.q_lora_rank > 0) {
    add("q_a_proj", c.q_lora_rank, c.hidden_size, c.bias);
    set_spread(*weights, "attn.q_a_layernorm.weight", {c.q_lora_rank}, 3, 0.2f, 1.0f);
    add("q_b_proj", q, c.q_lora_rank);
  } else {
    add("q_proj", q, c.hidden_size);
  }
  add("kv_a_proj_with_mqa", c.kv_lora_rank + c.rope, c.hidden_size, c.bias);
  set_spread(*weights, "attn.kv_a_layernorm.weight", {c.kv_lora_rank}, 4, 0.2f, 1.0f);
  for (int h = 0; h < c.num_heads; ++h) {
    add("k_b_proj." + std::to_string(h), c.kv_lora_rank, c.nope);
    add("v_b_proj." + std::to_string(h), c.v, c.kv_lora_rank);
  }
  add("o_proj", c.hidden_size, c.num_heads * c.v, c.bias);
  return weights;
}

MultiHeadLatentAttention::Config make_config(const LatentCase& c) {
  return {.hidden_size = c.hidden_size,
          .num_heads = c.num_heads,
          .q_lora_rank = c.q_lora_rank > 0 ? std::optional(c.q_lora_rank) : std::nullopt,
          .kv_lora_rank = c.kv_lora_rank,
          .qk_nope_head_dim = c.nope,
          .qk_rope_head_dim = c.rope,
          .v_head_dim = c.v,
          .scale = 1 / std::sqrt(static_cast<float>(c.nope + c.rope)),
          .mask = Mask::causal(),
          .rope = RotaryEmbedding({.dim = c.rope,
                                   .theta = 10000,
                                   .style = c.interleaved ? ops::RotaryStyle::interleaved : ops::RotaryStyle::half}),
          .latent_norm_eps = 1e-6f,
          .bias = c.bias};
}

class LatentAttention : public ::testing::TestWithParam<LatentCase> {};

TEST_P(LatentAttention, FollowsTheReferenceWithNothingAbsorbed) {
  const auto& c = GetParam();
  const auto weights = make_weights(c);
  const auto config = make_config(c);
  const auto hidden = static_cast<std::size_t>(c.hidden_size);
  const auto x = testing::random_values(c.tokens * hidden, 3);
  const auto want = flatten(reference_latent_attention(to_rows(x, hidden), *weights, "attn",
                                                       {.num_heads = c.num_heads,
                                                        .q_lora_rank = c.q_lora_rank,
                                                        .kv_lora_rank = c.kv_lora_rank,
                                                        .nope = c.nope,
                                                        .rope = c.rope,
                                                        .v = c.v,
                                                        .scale = config.scale,
                                                        .eps = config.latent_norm_eps,
                                                        .interleaved = c.interleaved}));
  for (const auto precision : {Precision::exact, Precision::standard}) {
    BlockHarness harness(precision, {{1, c.rope + c.kv_lora_rank, c.kv_lora_rank, std::nullopt}});
    const MultiHeadLatentAttention block(config, Weights(weights) / "attn", harness.device(), CacheLayer{0});
    EXPECT_EQ(block.cache_spec(), harness.cache().config().layers.front());
    const auto whole = harness.run(block, x, c.hidden_size, c.hidden_size, {c.tokens});
    const auto agreement = testing::compare(whole, want);
    EXPECT_GE(agreement.pcc, precision == Precision::exact ? 0.9999999 : 0.999);
    if (precision != Precision::exact) continue;
    EXPECT_LE(agreement.max_abs_diff, 2e-4);
    harness.restart();
    EXPECT_EQ(harness.run(block, x, c.hidden_size, c.hidden_size, std::vector<std::size_t>(c.tokens, 1)), whole)
        << "token by token must give the bits of the whole";
  }
}

// `_h256` in a name: that hidden size instead of the model's; heads, ranks and head dims are the model's.
INSTANTIATE_TEST_SUITE_P(Published, LatentAttention,
                         ::testing::Values(LatentCase{.name = "deepseek_v2_lite_h256",
                                                      .hidden_size = 256,
                                                      .num_heads = 16,
                                                      .q_lora_rank = 0,
                                                      .kv_lora_rank = 512,
                                                      .nope = 128,
                                                      .rope = 64,
                                                      .v = 128},
                                           LatentCase{.name = "deepseek_v3_h256",
                                                      .hidden_size = 256,
                                                      .num_heads = 128,
                                                      .q_lora_rank = 1536,
                                                      .kv_lora_rank = 512,
                                                      .nope = 128,
                                                      .rope = 64,
                                                      .v = 128,
                                                      .tokens = 5},
                                           LatentCase{.name = "halves",
                                                      .hidden_size = 96,
                                                      .num_heads = 3,
                                                      .q_lora_rank = 40,
                                                      .kv_lora_rank = 48,
                                                      .nope = 16,
                                                      .rope = 8,
                                                      .v = 24,
                                                      .interleaved = false,
                                                      .tokens = 40},
                                           LatentCase{.name = "odd_with_bias",
                                                      .hidden_size = 35,
                                                      .num_heads = 5,
                                                      .q_lora_rank = 13,
                                                      .kv_lora_rank = 19,
                                                      .nope = 7,
                                                      .rope = 6,
                                                      .v = 11,
                                                      .bias = true,
                                                      .tokens = 37},
                                           LatentCase{.name = "odd_no_query_rank",
                                                      .hidden_size = 33,
                                                      .num_heads = 1,
                                                      .q_lora_rank = 0,
                                                      .kv_lora_rank = 5,
                                                      .nope = 1,
                                                      .rope = 2,
                                                      .v = 3,
                                                      .bias = true,
                                                      .tokens = 20}),
                         [](const auto& info) { return info.param.name; });

TEST(MultiHeadLatentAttention, RejectsNumbersThatDoNotFit) {
  const LatentCase c{.name = "",
                     .hidden_size = 32,
                     .num_heads = 2,
                     .q_lora_rank = 0,
                     .kv_lora_rank = 16,
                     .nope = 8,
                     .rope = 4,
                     .v = 8};
  BlockHarness harness(Precision::exact);
  const auto build = [&](const MultiHeadLatentAttention::Config& config) {
    MultiHeadLatentAttention(config, Weights(make_weights(c)) / "attn", harness.device(), CacheLayer{0});
  };
  EXPECT_NO_THROW(build(make_config(c)));
  auto bad = make_config(c);
  bad.qk_rope_head_dim = 6;
  EXPECT_THROW(build(bad), ConfigError);
  bad = make_config(c);
  bad.qk_nope_head_dim = 0;
  EXPECT_THROW(build(bad), ConfigError);
  bad = make_config(c);
  bad.v_head_dim = 7;
  EXPECT_THROW(build(bad), WeightError);
  bad = make_config(c);
  bad.q_lora_rank = 8;
  EXPECT_THROW(build(bad), WeightError);
}

}  // namespace
}  // namespace ttt::test
