#include "attention_case.h"

namespace ttt::test {
namespace {

class GptOssAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(GptOssAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512` in a name: that hidden size instead of the model's, so that a
// row takes less than a second; heads, head dims and all else are the model's. A learned score for each head takes part
// of the probability; layers alternate between a window and all.
INSTANTIATE_TEST_SUITE_P(Published, GptOssAttention,
                         ::testing::Values(AttentionCase{.name = "gpt_oss_20b_h512_sliding",
                                                         .hidden_size = 512,
                                                         .num_heads = 64,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 64,
                                                         .theta = 150000,
                                                         .window = 128,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 12,
                                                         .sinks = true},
                                           AttentionCase{.name = "gpt_oss_20b_h512_full",
                                                         .hidden_size = 512,
                                                         .num_heads = 64,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 64,
                                                         .theta = 150000,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 12,
                                                         .sinks = true},
                                           AttentionCase{.name = "narrow_window",
                                                         .hidden_size = 64,
                                                         .num_heads = 8,
                                                         .num_kv_heads = 2,
                                                         .head_dim = 16,
                                                         .theta = 150000,
                                                         .window = 5,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 70,
                                                         .sinks = true}),
                         [](const auto& info) { return info.param.name; });

class GptOssAttentionPastItsWindow : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(GptOssAttentionPastItsWindow, SeesTheWindowAndNoMore) { check_past_window(GetParam()); }

// More keys in the cache than a sliding layer sees.
INSTANTIATE_TEST_SUITE_P(Published, GptOssAttentionPastItsWindow,
                         ::testing::Values(AttentionCase{.name = "gpt_oss_20b_h64_sliding",
                                                         .hidden_size = 64,
                                                         .num_heads = 64,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 64,
                                                         .theta = 150000,
                                                         .window = 128,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 800,
                                                         .sinks = true}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
