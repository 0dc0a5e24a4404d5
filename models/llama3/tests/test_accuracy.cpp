#include <gtest/gtest.h>

#include <algorithm>

#include "golden_model.h"
#include "ttt/core/error.h"
#include "ttt/testing/agreement.h"

namespace ttt::models {
namespace {

std::string test_name(const std::filesystem::path& folder) {
  std::string name = folder.parent_path().parent_path().filename().string() == "tests" ? "own_" : "shared_";
  name += folder.filename().string();
  std::ranges::replace(name, '-', '_');
  return name;
}

class LlamaAccuracy : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(LlamaAccuracy, ExactPrecisionFollowsTransformers) {
  const auto golden = testing::Golden::load(GetParam() / "golden.safetensors");
  GoldenModel model(GetParam(), {.precision = Precision::exact});
  const auto logits = model.logits(golden.input_ids);
  for (std::int64_t b = 0; b < golden.batch; ++b)
    EXPECT_LE(testing::compare(logits[static_cast<std::size_t>(b)], golden.logits_of(b)).max_abs_diff, 5e-4);
  for (std::size_t b = 0; b < golden.greedy.size(); ++b)
    EXPECT_EQ(model.greedy(golden.input_ids[b], golden.greedy[b].size()), golden.greedy[b]);
}

TEST_P(LlamaAccuracy, StandardPrecisionCorrelates) {
  const auto golden = testing::Golden::load(GetParam() / "golden.safetensors");
  GoldenModel model(GetParam(), {});
  const auto logits = model.logits(golden.input_ids);
  for (std::int64_t b = 0; b < golden.batch; ++b)
    EXPECT_GE(testing::compare(logits[static_cast<std::size_t>(b)], golden.logits_of(b)).pcc, 0.999);
}

TEST_P(LlamaAccuracy, BitsDoNotDependOnThreadsRunsBatchOrChunks) {
  const auto golden = testing::Golden::load(GetParam() / "golden.safetensors");
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto run = [&](int threads, const std::vector<std::vector<std::int32_t>>& rows, std::size_t chunk) {
      GoldenModel model(GetParam(), {.threads = threads, .precision = precision, .batch_invariance = BatchInvariance::on});
      return model.logits(rows, chunk);
    };
    const auto want = run(1, golden.input_ids, 0);
    EXPECT_EQ(run(1, golden.input_ids, 0), want) << "a second run";
    EXPECT_EQ(run(2, golden.input_ids, 0), want) << "2 threads";
    EXPECT_EQ(run(4, golden.input_ids, 0), want) << "4 threads";
    EXPECT_EQ(run(2, golden.input_ids, 5), want) << "chunks of 5";
    EXPECT_EQ(run(2, golden.input_ids, 1), want) << "token by token";
    EXPECT_EQ(run(2, {golden.input_ids[0]}, 0).front(), want[0]) << "batch of 1";
    const std::vector<std::vector<std::int32_t>> eight(8, golden.input_ids[0]);
    for (const auto& row : run(2, eight, 0)) EXPECT_EQ(row, want[0]) << "batch of 8";
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, LlamaAccuracy, ::testing::ValuesIn(golden_folders()),
                         [](const auto& info) { return test_name(info.param); });

TEST(LlamaConfig, RejectsWhatChangesTheMath) {
  const auto read = [](std::string_view extra) {
    const std::string json = R"({"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, )" + std::string(extra) + "}";
    return LlamaConfig::read(ConfigReader::parse(json, "config.json"));
  };
  EXPECT_EQ(read(R"("num_key_value_heads": null)").num_key_value_heads, 2);
  EXPECT_THROW(read(R"("hidden_act": "mish")"), ConfigError);
  EXPECT_THROW(read(R"("rope_scaling": {"rope_type": "spiral", "factor": 2.0})"), ConfigError);
  EXPECT_THROW(read(R"("quantization_config": {"bits": 4})"), ConfigError);
}

TEST(LlamaSharedGoldens, AreThere) {
  if (!std::filesystem::is_directory(TTT_SHARED_GOLDENS)) GTEST_SKIP() << "no shared goldens beside the repository";
}

}  // namespace
}  // namespace ttt::models
