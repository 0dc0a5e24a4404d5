#include "ffn_case.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"

namespace ttt::test {
namespace {

class SwiGlu : public ::testing::TestWithParam<FfnCase> {};
TEST_P(SwiGlu, FollowsTheReference) {
  const auto& c = GetParam();
  auto weights = std::make_shared<testing::MemoryWeights>();
  add_linear(*weights, "ffn.gate_proj", c.intermediate_size, c.hidden_size, c.bias);
  add_linear(*weights, "ffn.up_proj", c.intermediate_size, c.hidden_size, c.bias);
  add_linear(*weights, "ffn.down_proj", c.hidden_size, c.intermediate_size, c.bias);
  check_ffn<GatedFFN>(c, weights, reference_gated_ffn);
}

// Numbers of the models' published config.json. `_h256` in a name: that hidden size instead of the model's, so that a
// row takes less than a second.
INSTANTIATE_TEST_SUITE_P(Published, SwiGlu,
                         ::testing::Values(FfnCase{"smollm2_135m", 576, 1536, Activation::silu, false, 17},
                                           FfnCase{"llama_3_2_1b", 2048, 8192, Activation::silu},
                                           FfnCase{"gemma_2b_geglu", 2048, 16384, Activation::gelu_tanh, false, 1},
                                           FfnCase{"mistral_7b_h256", 256, 14336, Activation::silu},
                                           FfnCase{"qwen2_5_0_5b", 896, 4864, Activation::silu},
                                           FfnCase{"qwen3_0_6b", 1024, 3072, Activation::silu},
                                           FfnCase{"gemma_2_2b_geglu_h256", 256, 9216, Activation::gelu_tanh},
                                           FfnCase{"gemma_3_270m_geglu", 640, 2048, Activation::gelu_tanh},
                                           FfnCase{"gemma_3_1b_geglu", 1152, 6912, Activation::gelu_tanh, false, 2},
                                           FfnCase{"phi_3_mini_h256", 256, 8192, Activation::silu},
                                           FfnCase{"olmo_2_7b_h256", 256, 11008, Activation::silu},
                                           FfnCase{"command_r_v01_h256", 256, 22528, Activation::silu, false, 2},
                                           FfnCase{"command_r7b_h256", 256, 14336, Activation::silu},
                                           FfnCase{"stablelm_2_1_6b_h256", 256, 5632, Activation::silu},
                                           FfnCase{"granite_3_1_2b_h256", 256, 8192, Activation::silu},
                                           FfnCase{"smollm3_3b_h256", 256, 11008, Activation::silu},
                                           FfnCase{"deepseek_v2_lite_dense_h256", 256, 10944, Activation::silu},
                                           FfnCase{"deepseek_v3_dense_h256", 256, 18432, Activation::silu, false, 2},
                                           FfnCase{"odd_with_bias", 33, 71, Activation::gelu, true, 5},
                                           FfnCase{"odd_relu", 20, 17, Activation::relu, true, 5}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
