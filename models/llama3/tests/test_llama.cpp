#include "llama.h"
#include "ttt/core/error.h"
#include "ttt/testing/test_suite.h"

namespace ttt::models {
namespace {

TEST(LlamaConfig, RejectsWhatChangesTheMath) {
  const auto read = [](std::string_view extra) {
    const std::string json =
        R"({"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, )" +
        std::string(extra) + "}";
    return LlamaConfig::read(ConfigReader::parse(json, "config.json"));
  };
  EXPECT_EQ(read(R"("num_key_value_heads": null)").num_key_value_heads, 2);
  EXPECT_THROW(read(R"("hidden_act": "swoosh")"), ConfigError);
  EXPECT_THROW(read(R"("rope_scaling": {"rope_type": "spiral", "factor": 2.0})"), ConfigError);
  EXPECT_THROW(read(R"("quantization_config": {"bits": 4})"), ConfigError);
}

}  // namespace
}  // namespace ttt::models

int main(int argc, char** argv) {
  ttt::testing::TestSuite suite(argc, argv,
                                {.factory = ttt::models::load_llama,
                                 .model_types = {"llama"},
                                 .goldens = {TTT_GOLDENS},
                                 .shared_goldens = TTT_SHARED_GOLDENS});
  suite.add_all_cases();
  return suite.run();
}
