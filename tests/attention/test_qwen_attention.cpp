#include "attention_case.h"

namespace ttt::test {
namespace {

class QwenAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(QwenAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512`, `_h256` in a name: that hidden size instead of the model's, so
// that a row takes less than a second; heads, head dims and all else are the model's.
INSTANTIATE_TEST_SUITE_P(
    Published, QwenAttention,
    ::testing::Values(
        AttentionCase{.name = "qwen2_5_7b_h512",
                      .hidden_size = 512,
                      .num_heads = 28,
                      .num_kv_heads = 4,
                      .head_dim = 128,
                      .theta = 1000000,
                      .qkv_bias = true,
                      .tokens = 12},
        AttentionCase{.name = "qwen2_5_0_5b",
                      .hidden_size = 896,
                      .num_heads = 14,
                      .num_kv_heads = 2,
                      .head_dim = 64,
                      .theta = 1000000,
                      .qkv_bias = true,
                      .tokens = 9},
        AttentionCase{.name = "qwen3_8b_h512",
                      .hidden_size = 512,
                      .num_heads = 32,
                      .num_kv_heads = 8,
                      .head_dim = 128,
                      .theta = 1000000,
                      .tokens = 12,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared, 1e-6f}},
        AttentionCase{.name = "qwen1_5_moe_a2_7b_h512",
                      .hidden_size = 512,
                      .num_heads = 16,
                      .num_kv_heads = 16,
                      .head_dim = 128,
                      .theta = 1000000,
                      .qkv_bias = true,
                      .tokens = 12},
        AttentionCase{.name = "qwen2_57b_a14b_h512",
                      .hidden_size = 512,
                      .num_heads = 28,
                      .num_kv_heads = 4,
                      .head_dim = 128,
                      .theta = 1000000,
                      .qkv_bias = true,
                      .tokens = 8},
        AttentionCase{.name = "qwen3_30b_a3b_h512",
                      .hidden_size = 512,
                      .num_heads = 32,
                      .num_kv_heads = 4,
                      .head_dim = 128,
                      .theta = 1000000,
                      .tokens = 12,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared, 1e-6f}},
        AttentionCase{.name = "qwen3_235b_a22b_h256",
                      .hidden_size = 256,
                      .num_heads = 64,
                      .num_kv_heads = 4,
                      .head_dim = 128,
                      .theta = 1000000,
                      .tokens = 8,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared, 1e-6f}},
        AttentionCase{.name = "qwen3_0_6b",
                      .hidden_size = 1024,
                      .num_heads = 16,
                      .num_kv_heads = 8,
                      .head_dim = 128,
                      .theta = 1000000,
                      .tokens = 5,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared, 1e-6f}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
