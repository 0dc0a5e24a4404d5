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

INSTANTIATE_TEST_SUITE_P(Published, SwiGlu,
                         ::testing::Values(FfnCase{"smollm2_135m", 576, 1536, Activation::silu, false, 17},
                                           FfnCase{"llama_3_2_1b", 2048, 8192, Activation::silu},
                                           FfnCase{"gemma_2b_geglu", 2048, 16384, Activation::gelu_tanh, false, 1},
                                           FfnCase{"odd_with_bias", 33, 71, Activation::gelu, true, 5},
                                           FfnCase{"odd_relu", 20, 17, Activation::relu, true, 5}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
