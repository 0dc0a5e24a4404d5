#include "attention_case.h"

namespace ttt::test {
namespace {

class Starcoder2Attention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(Starcoder2Attention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512` in a name: that hidden size instead of the model's, so that a
// row takes less than a second; heads, head dims and all else are the model's.
INSTANTIATE_TEST_SUITE_P(Published, Starcoder2Attention,
                         ::testing::Values(AttentionCase{.name = "starcoder2_3b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 24,
                                                         .num_kv_heads = 2,
                                                         .head_dim = 128,
                                                         .theta = 999999.4420358813,
                                                         .window = 4096,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 12},
                                           AttentionCase{.name = "starcoder2_7b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 36,
                                                         .num_kv_heads = 4,
                                                         .head_dim = 128,
                                                         .theta = 1000000,
                                                         .window = 4096,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 8},
                                           AttentionCase{.name = "narrow_window",
                                                         .hidden_size = 72,
                                                         .num_heads = 6,
                                                         .num_kv_heads = 2,
                                                         .head_dim = 24,
                                                         .theta = 100000,
                                                         .window = 7,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 50}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
