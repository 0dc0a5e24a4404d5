#include "attention_case.h"

namespace ttt::test {
namespace {

class Olmo2Attention : public ::testing::TestWithParam<AttentionCase> {};
TEST_P(Olmo2Attention, FollowsTheReference) { check_attention(GetParam()); }

// Numbers of the models' published config.json. `_h512` in a name: that hidden size instead of the model's, so that a
// row takes less than a second; heads, head dims and all else are the model's.
INSTANTIATE_TEST_SUITE_P(
    Published, Olmo2Attention,
    ::testing::Values(
        AttentionCase{.name = "olmo_2_7b_h512",
                      .hidden_size = 512,
                      .num_heads = 32,
                      .num_kv_heads = 32,
                      .head_dim = 128,
                      .theta = 500000,
                      .tokens = 10,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::all_heads, 1e-6f}},
        AttentionCase{.name = "olmo_2_32b_h512",
                      .hidden_size = 512,
                      .num_heads = 40,
                      .num_kv_heads = 8,
                      .head_dim = 128,
                      .theta = 500000,
                      .tokens = 10,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::all_heads, 1e-6f}},
        AttentionCase{.name = "odd",
                      .hidden_size = 60,
                      .num_heads = 6,
                      .num_kv_heads = 3,
                      .head_dim = 20,
                      .theta = 999,
                      .tokens = 33,
                      .qk_norm = QueryKeyNorm::Config{QueryKeyNorm::Kind::rms, QueryKeyNorm::Scope::all_heads, 1e-5f}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
