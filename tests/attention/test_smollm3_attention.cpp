#include "attention_case.h"

namespace ttt::test {
namespace {

class Smollm3Attention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(Smollm3Attention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the model's published config.json. Every fourth layer has no rotary embedding.
INSTANTIATE_TEST_SUITE_P(Published, Smollm3Attention,
                         ::testing::Values(AttentionCase{.name = "smollm3_3b",
                                                         .hidden_size = 2048,
                                                         .num_heads = 16,
                                                         .num_kv_heads = 4,
                                                         .head_dim = 128,
                                                         .theta = 5000000,
                                                         .tokens = 5},
                                           AttentionCase{.name = "smollm3_3b_without_rope",
                                                         .hidden_size = 2048,
                                                         .num_heads = 16,
                                                         .num_kv_heads = 4,
                                                         .head_dim = 128,
                                                         .theta = 0,
                                                         .tokens = 5},
                                           AttentionCase{.name = "window_without_rope",
                                                         .hidden_size = 72,
                                                         .num_heads = 6,
                                                         .num_kv_heads = 2,
                                                         .head_dim = 24,
                                                         .theta = 0,
                                                         .window = 7,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 50}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
