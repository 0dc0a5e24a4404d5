#include "attention_case.h"

namespace ttt::test {
namespace {

class MistralAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(MistralAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json, `_h512` in a name with that hidden size; shorter windows in the last
// rows, so that a short input slides through them.
INSTANTIATE_TEST_SUITE_P(Published, MistralAttention,
                         ::testing::Values(AttentionCase{.name = "mistral_7b_v0_1_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .window = 4096,
                                                         .tokens = 12},
                                           AttentionCase{.name = "mistral_nemo_12b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .theta = 1000000,
                                                         .tokens = 12},
                                           AttentionCase{.name = "mixtral_8x7b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .theta = 1000000,
                                                         .tokens = 12},
                                           AttentionCase{.name = "mixtral_8x22b_h512",
                                                         .hidden_size = 512,
                                                         .num_heads = 48,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .theta = 1000000,
                                                         .tokens = 8},
                                           AttentionCase{.name = "narrow_window",
                                                         .hidden_size = 96,
                                                         .num_heads = 6,
                                                         .num_kv_heads = 3,
                                                         .head_dim = 24,
                                                         .theta = 20000,
                                                         .window = 13,
                                                         .tokens = 150},
                                           AttentionCase{.name = "window_of_one",
                                                         .hidden_size = 64,
                                                         .num_heads = 4,
                                                         .num_kv_heads = 1,
                                                         .head_dim = 16,
                                                         .window = 1,
                                                         .tokens = 70}),
                         [](const auto& info) { return info.param.name; });

class MistralAttentionPastItsWindow : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(MistralAttentionPastItsWindow, SeesTheWindowAndNoMore) { check_past_window(GetParam()); }

// More than 4096 keys in the cache.
INSTANTIATE_TEST_SUITE_P(Published, MistralAttentionPastItsWindow,
                         ::testing::Values(AttentionCase{.name = "mistral_7b_v0_1_h32",
                                                         .hidden_size = 32,
                                                         .num_heads = 32,
                                                         .num_kv_heads = 8,
                                                         .head_dim = 128,
                                                         .window = 4096,
                                                         .tokens = 4800}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
