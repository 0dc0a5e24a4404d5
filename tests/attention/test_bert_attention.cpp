#include "attention_case.h"

namespace ttt::test {
namespace {

class BertAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(BertAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. Every token sees every other; biases everywhere, no rotary embedding.
INSTANTIATE_TEST_SUITE_P(Published, BertAttention,
                         ::testing::Values(AttentionCase{.name = "bert_base",
                                                         .hidden_size = 768,
                                                         .num_heads = 12,
                                                         .num_kv_heads = 12,
                                                         .head_dim = 64,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 16,
                                                         .bidirectional = true},
                                           AttentionCase{.name = "bert_large",
                                                         .hidden_size = 1024,
                                                         .num_heads = 16,
                                                         .num_kv_heads = 16,
                                                         .head_dim = 64,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 9,
                                                         .bidirectional = true},
                                           AttentionCase{.name = "all_minilm_l6_v2",
                                                         .hidden_size = 384,
                                                         .num_heads = 12,
                                                         .num_kv_heads = 12,
                                                         .head_dim = 32,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 40,
                                                         .bidirectional = true},
                                           AttentionCase{.name = "odd",
                                                         .hidden_size = 45,
                                                         .num_heads = 3,
                                                         .num_kv_heads = 3,
                                                         .head_dim = 15,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 70,
                                                         .bidirectional = true},
                                           AttentionCase{.name = "one_token",
                                                         .hidden_size = 48,
                                                         .num_heads = 4,
                                                         .num_kv_heads = 4,
                                                         .head_dim = 12,
                                                         .theta = 0,
                                                         .qkv_bias = true,
                                                         .output_bias = true,
                                                         .tokens = 1,
                                                         .bidirectional = true}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
