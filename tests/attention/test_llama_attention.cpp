#include "attention_case.h"

namespace ttt::test {
namespace {

class LlamaAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(LlamaAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json, `_h512` in a name with that hidden size: a row takes less than a
// second.
INSTANTIATE_TEST_SUITE_P(Published, LlamaAttention,
                         ::testing::Values(AttentionCase{.name = "llama_3_8b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .theta = 500000,
                                                         .tokens = 12},
                                           AttentionCase{.name = "llama_3_2_1b",
                                                         .hidden_size = 2048,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 64,
                                                         .theta = 500000,
                                                         .tokens = 5},
                                           AttentionCase{.name = "llama_3_2_3b",
                                                         .hidden_size = 3072,
                                                         .num_heads = 24,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .theta = 500000,
                                                         .tokens = 3},
                                           AttentionCase{.name = "smollm2_135m",
                                                         .hidden_size = 576,
                                                         .num_heads = 9,
                                                         .num_kv_heads = 3,
                                                         .head_dim = 64,
                                                         .theta = 100000,
                                                         .tokens = 40},
                                           AttentionCase{.name = "llama_1_7b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 32,
                                                         .head_dim = 128,
                                                         .tokens = 12},
                                           AttentionCase{.name = "odd_with_bias",
                                                         .hidden_size = 84,
                                                         .num_heads = 6,
                                                         .num_kv_heads = 2,
                                                         .head_dim = 20,
                                                         .theta = 777,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 35}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
