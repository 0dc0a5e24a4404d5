#include "attention_case.h"

namespace ttt::test {
namespace {

class StablelmAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(StablelmAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512` in a name: that hidden size instead of the model's, so that a
// row takes less than a second; heads, head dims and all else are the model's. A quarter of each head is rotated; the
// 12B norms every head with a weight of its own.
INSTANTIATE_TEST_SUITE_P(Published, StablelmAttention,
                         ::testing::Values(AttentionCase{.name = "stablelm_3b_4e1t_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 32,
                                                         .head_dim = 80,
                                                         .tokens = 12,
                                                         .rotary_dim = 20},
                                           AttentionCase{.name = "stablelm_2_1_6b",
                                                         .hidden_size = 2048,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 32,
                                                         .head_dim = 64,
                                                         .qkv_bias = true,
                                                         .tokens = 3,
                                                         .rotary_dim = 16},
                                           AttentionCase{
                                               .name = "stablelm_2_12b_h512",
                                               .hidden_size = 512,
                                               .num_heads = 32,
                                               .num_kv_heads = 8,
                                               .head_dim = 160,
                                               .tokens = 8,
                                               .rotary_dim = 40,
                                               .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::layer,
                                                                               QueryKeyNorm::Scope::per_head, 1e-5f}}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
