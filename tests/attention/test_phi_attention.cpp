#include "attention_case.h"

namespace ttt::test {
namespace {

class PhiAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(PhiAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512` in a name: that hidden size instead of the model's, so that a
// row takes less than a second; heads, head dims and all else are the model's. Phi-1.5 and Phi-2 have biases and rotate
// a part of each head, Phi-4-mini a part without biases.
INSTANTIATE_TEST_SUITE_P(Published, PhiAttention,
                         ::testing::Values(AttentionCase{.name = "phi_1_5",
                                                         .hidden_size = 2048,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 32,
                                                         .head_dim = 64,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 3,
                                                         .rotary_dim = 32},
                                           AttentionCase{.name = "phi_2_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 32,
                                                         .head_dim = 80,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 12,
                                                         .rotary_dim = 32},
                                           AttentionCase{.name = "phi_3_mini_4k_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 32,
                                                         .head_dim = 96,
                                                         .window = 2047,
                                                         .tokens = 12},
                                           AttentionCase{.name = "phi_3_medium_4k_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 40,
                                                         .num_kv_heads = 10,
                                                         .head_dim = 128,
                                                         .window = 2047,
                                                         .tokens = 8},
                                           AttentionCase{.name = "phi_4_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 40,
                                                         .num_kv_heads = 10,
                                                         .head_dim = 128,
                                                         .theta = 250000,
                                                         .tokens = 8},
                                           AttentionCase{.name = "phi_4_mini_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 24,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .window = 262144,
                                                         .tokens = 12,
                                                         .rotary_dim = 96}),
                         [](const auto& info) { return info.param.name; });

class PhiAttentionPastItsWindow : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(PhiAttentionPastItsWindow, SeesTheWindowAndNoMore) { check_past_window(GetParam()); }

// A window that is no whole number of cache pages.
INSTANTIATE_TEST_SUITE_P(Published, PhiAttentionPastItsWindow,
                         ::testing::Values(AttentionCase{.name = "phi_3_mini_4k_h32",
                                                         .hidden_size = 32,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 32,
                                                         .head_dim = 96,
                                                         .window = 2047,
                                                         .tokens = 2700}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
