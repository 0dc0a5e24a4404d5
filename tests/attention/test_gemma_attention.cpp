#include "attention_case.h"

namespace ttt::test {
namespace {

class GemmaAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(GemmaAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512` in a name: that hidden size instead of the model's, so that a
// row takes less than a second; heads, head dims and all else are the model's. Gemma 2 caps scores; the 9B divides them
// by sqrt(256). Its window is longer than these inputs, so one row has a short one.
INSTANTIATE_TEST_SUITE_P(
    Published, GemmaAttention,
    ::testing::Values(
        AttentionCase{.name = "gemma_2b_h512",
                      .hidden_size = 512,
                      .num_heads = 8,
                      .num_kv_heads = 1,
                      .head_dim = 256,
                      .tokens = 3},
        AttentionCase{.name = "gemma_2_9b_h512",
                      .hidden_size = 512,
                      .num_heads = 16,
                      .num_kv_heads = 8,
                      .head_dim = 256,
                      .window = 4096,
                      .scale = 0.0625,
                      .tokens = 12,
                      .softcap = 50.0f},
        AttentionCase{.name = "gemma_2_9b_h512_full",
                      .hidden_size = 512,
                      .num_heads = 16,
                      .num_kv_heads = 8,
                      .head_dim = 256,
                      .scale = 0.0625,
                      .tokens = 12,
                      .softcap = 50.0f},
        AttentionCase{.name = "gemma_7b_h512",
                      .hidden_size = 512,
                      .num_heads = 16,
                      .num_kv_heads = 16,
                      .head_dim = 256,
                      .tokens = 6},
        AttentionCase{.name = "gemma_2_27b_h512",
                      .hidden_size = 512,
                      .num_heads = 32,
                      .num_kv_heads = 16,
                      .head_dim = 128,
                      .window = 4096,
                      .scale = 0.0833333333,
                      .tokens = 8,
                      .softcap = 50.0f},
        AttentionCase{.name = "gemma_2_narrow_window_low_cap",
                      .hidden_size = 96,
                      .num_heads = 6,
                      .num_kv_heads = 3,
                      .head_dim = 32,
                      .window = 11,
                      .scale = 0.3,
                      .tokens = 60,
                      .softcap = 2.0f},
        AttentionCase{.name = "gemma_3_270m_local",
                      .hidden_size = 640,
                      .num_heads = 4,
                      .num_kv_heads = 1,
                      .head_dim = 256,
                      .window = 512,
                      .scale = 0.0625,
                      .tokens = 9,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared, 1e-6f}},
        AttentionCase{.name = "gemma_3_27b_global_h512",
                      .hidden_size = 512,
                      .num_heads = 32,
                      .num_kv_heads = 16,
                      .head_dim = 128,
                      .theta = 1000000,
                      .scale = 0.0771516750,
                      .tokens = 8,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared, 1e-6f}},
        AttentionCase{.name = "gemma_3_1b_local",
                      .hidden_size = 1152,
                      .num_heads = 4,
                      .num_kv_heads = 1,
                      .head_dim = 256,
                      .theta = 10000,
                      .window = 512,
                      .scale = 0.0625,
                      .tokens = 7,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared, 1e-6f}},
        AttentionCase{.name = "gemma_3_1b_global",
                      .hidden_size = 1152,
                      .num_heads = 4,
                      .num_kv_heads = 1,
                      .head_dim = 256,
                      .theta = 1000000,
                      .scale = 0.0625,
                      .tokens = 7,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared, 1e-6f}}),
    [](const auto& info) { return info.param.name; });

class GemmaAttentionPastItsWindow : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(GemmaAttentionPastItsWindow, SeesTheWindowAndNoMore) { check_past_window(GetParam()); }

// More keys in the cache than a local layer sees.
INSTANTIATE_TEST_SUITE_P(Published, GemmaAttentionPastItsWindow,
                         ::testing::Values(AttentionCase{
                             .name = "gemma_3_1b_local_h64",
                             .hidden_size = 64,
                             .num_heads = 4,
                             .num_kv_heads = 1,
                             .head_dim = 256,
                             .window = 512,
                             .scale = 0.0625,
                             .tokens = 1200,
                             .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::shared,
                                                             1e-6f}}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
