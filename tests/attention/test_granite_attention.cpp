#include "attention_case.h"

namespace ttt::test {
namespace {

class GraniteAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(GraniteAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512` in a name: that hidden size instead of the model's, so that a
// row takes less than a second; heads, head dims and all else are the model's. The config gives the scale: 1 /
// head_dim, not its root.
INSTANTIATE_TEST_SUITE_P(Published, GraniteAttention,
                         ::testing::Values(AttentionCase{.name = "granite_3_1_2b",
                                                         .hidden_size = 2048,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 64,
                                                         .theta = 5000000,
                                                         .scale = 0.015625,
                                                         .tokens = 5},
                                           AttentionCase{.name = "granite_3_1_8b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .theta = 10000000,
                                                         .scale = 0.0078125,
                                                         .tokens = 12},
                                           AttentionCase{.name = "odd_with_bias",
                                                         .hidden_size = 54,
                                                         .num_heads = 6,
                                                         .num_kv_heads = 3,
                                                         .head_dim = 18,
                                                         .theta = 999,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .scale = 0.9,
                                                         .tokens = 35}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
