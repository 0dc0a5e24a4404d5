#include "attention_case.h"

namespace ttt::test {
namespace {

class ParallelModelsAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(ParallelModelsAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512` in a name: that hidden size instead of the model's, so that a
// row takes less than a second; heads, head dims and all else are the model's. Models with attention and feed-forward
// side by side: Falcon has one key for 71 queries, GPT-NeoX rotates part of a head.
INSTANTIATE_TEST_SUITE_P(Published, ParallelModelsAttention,
                         ::testing::Values(AttentionCase{.name = "falcon_7b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 71,
                                                         .num_kv_heads = 1,
                                                         .head_dim = 64,
                                                         .tokens = 12},
                                           AttentionCase{.name = "falcon_40b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 128,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 64,
                                                         .tokens = 8},
                                           AttentionCase{.name = "gpt_neox_20b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 64,
                                                         .num_kv_heads = 64,
                                                         .head_dim = 96,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 8,
                                                         .rotary_dim = 24},
                                           AttentionCase{.name = "pythia_160m",
                                                         .hidden_size = 768,
                                                         .num_heads = 12,
                                                         .num_kv_heads = 12,
                                                         .head_dim = 64,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 9,
                                                         .rotary_dim = 16}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
