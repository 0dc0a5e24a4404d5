#include "ffn_case.h"
#include "ttt/building_blocks/ffn/mlp.h"

namespace ttt::test {
namespace {

class StandardMlp : public ::testing::TestWithParam<FfnCase> {};
TEST_P(StandardMlp, FollowsTheReference) {
  const auto& c = GetParam();
  auto weights = std::make_shared<testing::MemoryWeights>();
  add_linear(*weights, "ffn.up_proj", c.intermediate_size, c.hidden_size, c.bias);
  add_linear(*weights, "ffn.down_proj", c.hidden_size, c.intermediate_size, c.bias);
  check_ffn<MLP>(c, weights, reference_mlp);
}

// Numbers of the models' published config.json. `_h256` in a name: that hidden size instead of the model's, so that a
// row takes less than a second.
INSTANTIATE_TEST_SUITE_P(Published, StandardMlp,
                         ::testing::Values(FfnCase{"gpt2", 768, 3072, Activation::gelu_tanh, true, 9},
                                           FfnCase{"gpt2_xl", 1600, 6400, Activation::gelu_tanh, true},
                                           FfnCase{"phi_2", 2560, 10240, Activation::gelu_tanh, true, 2},
                                           FfnCase{"bert_base", 768, 3072, Activation::gelu, true},
                                           FfnCase{"all_minilm_l6_v2", 384, 1536, Activation::gelu, true, 9},
                                           FfnCase{"gpt_neox_20b_h256", 256, 24576, Activation::gelu_tanh, true},
                                           FfnCase{"falcon_7b_h256", 256, 18176, Activation::gelu, false},
                                           FfnCase{"starcoder2_3b_h256", 256, 12288, Activation::gelu_tanh, true},
                                           FfnCase{"odd_no_bias", 35, 50, Activation::relu, false, 4},
                                           FfnCase{"exact_gelu", 40, 90, Activation::gelu, true, 4}),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Activations, StandardMlp,
    ::testing::Values(FfnCase{"silu", 40, 90, Activation::silu}, FfnCase{"quick_gelu", 40, 90, Activation::quick_gelu},
                      FfnCase{"relu_squared", 40, 90, Activation::relu_squared},
                      FfnCase{"relu6", 40, 90, Activation::relu6},
                      FfnCase{"leaky_relu", 40, 90, Activation::leaky_relu},
                      FfnCase{"hard_swish", 40, 90, Activation::hard_swish}, FfnCase{"mish", 40, 90, Activation::mish},
                      FfnCase{"sigmoid", 40, 90, Activation::sigmoid}, FfnCase{"tanh", 40, 90, Activation::tanh}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
