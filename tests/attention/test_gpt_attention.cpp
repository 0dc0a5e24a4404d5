#include "../support/block_harness.h"
#include "attention_case.h"
#include "ttt/building_blocks/attention/mha.h"
#include "ttt/core/error.h"

namespace ttt::test {
namespace {

class GptAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(GptAttention, FollowsTheReference) { check_attention(GetParam()); }

// No rotary embedding, biases everywhere, one key per query head. The scale is the model's to choose: GPT-2 may divide
// by the layer's number, or not scale at all.
INSTANTIATE_TEST_SUITE_P(Published, GptAttention,
                         ::testing::Values(AttentionCase{.name = "gpt2",
                                                         .hidden_size = 768,
                                                         .num_heads = 12,
                                                         .num_kv_heads = 12,
                                                         .head_dim = 64,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 20},
                                           AttentionCase{.name = "gpt2_xl",
                                                         .hidden_size = 1600,
                                                         .num_heads = 25,
                                                         .num_kv_heads = 25,
                                                         .head_dim = 64,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 5},
                                           AttentionCase{.name = "unscaled",
                                                         .hidden_size = 48,
                                                         .num_heads = 4,
                                                         .num_kv_heads = 4,
                                                         .head_dim = 12,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .scale = 1.0,
                                                         .tokens = 20},
                                           AttentionCase{.name = "scaled_by_layer",
                                                         .hidden_size = 60,
                                                         .num_heads = 5,
                                                         .num_kv_heads = 5,
                                                         .head_dim = 12,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .scale = 0.0962250449,
                                                         .tokens = 20}),
                         [](const auto& info) { return info.param.name; });

TEST(MultiHeadAttention, IsGroupedQueryAttentionWithGroupsOfOne) {
  const AttentionCase c{.name = "", .hidden_size = 48, .num_heads = 4, .num_kv_heads = 4, .head_dim = 12};
  const auto weights = make_weights(c);
  const auto x = testing::random_values(7 * 48, 5);
  BlockHarness harness(Precision::exact, {{4, 12, 12, std::nullopt}});
  const MultiHeadAttention block(
      {.hidden_size = 48, .num_heads = 4, .head_dim = 12, .scale = 0.25f, .mask = Mask::causal()},
      Weights(weights) / "attn", harness.device(), CacheLayer{0});
  const auto want = flatten(reference_attention(to_rows(x, 48), *weights, "attn", {4, 4, 12, 0.25}));
  EXPECT_LE(testing::compare(harness.run(block, x, 48, 48, {7}), want).max_abs_diff, 1e-4);
}

TEST(GroupedQueryAttention, RejectsNumbersThatDoNotFit) {
  const AttentionCase c{.name = "", .hidden_size = 48, .num_heads = 4, .num_kv_heads = 4, .head_dim = 12};
  BlockHarness harness(Precision::exact);
  const auto build = [&](GroupedQueryAttention::Config config) {
    GroupedQueryAttention(config, Weights(make_weights(c)) / "attn", harness.device(), CacheLayer{0});
  };
  const GroupedQueryAttention::Config good{
      .hidden_size = 48, .num_heads = 4, .num_kv_heads = 4, .head_dim = 12, .scale = 1, .mask = {}};
  EXPECT_NO_THROW(build(good));
  auto bad = good;
  bad.num_kv_heads = 3;
  EXPECT_THROW(build(bad), ConfigError);
  bad = good;
  bad.head_dim = 10;
  EXPECT_THROW(build(bad), WeightError);
  bad = good;
  bad.mask = Mask::window(0);
  EXPECT_THROW(build(bad), ConfigError);
}

}  // namespace
}  // namespace ttt::test
