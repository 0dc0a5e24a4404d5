#include "attention_case.h"

namespace ttt::test {
namespace {

class CohereAttention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(CohereAttention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512`, `_h256` in a name: that hidden size instead of the model's, so
// that a row takes less than a second; heads, head dims and all else are the model's. Command-R+ and Aya 23 norm
// queries and keys with a weight for each head, mean subtracted.
INSTANTIATE_TEST_SUITE_P(
    Published, CohereAttention,
    ::testing::Values(AttentionCase{.name = "command_r_v01_h256",
                                    .hidden_size = 256,
                                    .num_heads = 64,
                                    .num_kv_heads = 64,
                                    .head_dim = 128,
                                    .theta = 8000000,
                                    .tokens = 8,
                                    .interleaved = true},
                      AttentionCase{.name = "command_r_plus_h256",
                                    .hidden_size = 256,
                                    .num_heads = 96,
                                    .num_kv_heads = 8,
                                    .head_dim = 128,
                                    .theta = 75000000,
                                    .tokens = 8,
                                    .interleaved = true,
                                    .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::layer,
                                                                    QueryKeyNorm::Scope::per_head, 1e-5f}},
                      AttentionCase{.name = "command_r7b_h512",
                                    .hidden_size = 512,
                                    .num_heads = 32,
                                    .num_kv_heads = 8,
                                    .head_dim = 128,
                                    .theta = 50000,
                                    .window = 4096,
                                    .tokens = 8,
                                    .interleaved = true},
                      AttentionCase{.name = "odd",
                                    .hidden_size = 48,
                                    .num_heads = 4,
                                    .num_kv_heads = 2,
                                    .head_dim = 18,
                                    .theta = 500,
                                    .window = 9,
                                    .tokens = 33,
                                    .interleaved = true,
                                    .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::layer,
                                                                    QueryKeyNorm::Scope::per_head, 1e-5f, true}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
