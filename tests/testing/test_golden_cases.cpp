#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <set>

#include "llama.h"
#include "ttt/core/error.h"
#include "ttt/testing/golden_case.h"
#include "ttt/testing/performance.h"

namespace ttt::testing {
namespace {

using models::load_llama;

/// A layer that spoils the residual stream by `amount(step)`.
struct SpoilingLayer {
  std::function<float(const Step&)> amount;

  void forward(Matrix x, Step& step) const {
    for (std::int64_t row = 0; row < x.rows; ++row) x.row(row)[0] += amount(step);
  }
  std::vector<CacheLayerSpec> cache_layers() const { return {}; }
  std::uint64_t weight_bytes() const { return 0; }
  std::int64_t workspace_cols() const { return 0; }
};

ModelFactory spoiled(std::function<float(const Step&)> amount) {
  return [amount](const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind) {
    auto model = load_llama(config, weights, device, kind);
    model.layers.push_back(SpoilingLayer{amount});
    return model;
  };
}

/// Names of the cases that do not pass.
std::set<std::string_view> failing(const ModelFactory& factory) {
  const GoldenFolder folder(std::filesystem::path(TTT_GOLDENS) / "llama-default");
  const GoldenSubject subject{factory, folder, Golden::load(folder.golden_file())};
  std::set<std::string_view> names;
  for (const auto cases : {accuracy_cases(), generation_cases()})
    for (const auto& golden_case : cases)
      if (!golden_case.run(subject).failures.empty()) names.insert(golden_case.name);
  return names;
}

using Names = std::set<std::string_view>;

TEST(GoldenCases, PassForTheModel) { EXPECT_EQ(failing(load_llama), Names{}); }

TEST(GoldenCases, FindOtherMath) {
  EXPECT_EQ(failing(spoiled([](const Step&) { return 3.0f; })),
            (Names{"exact_precision", "standard_precision", "greedy"}));
}

TEST(GoldenCases, FindASmallError) {
  EXPECT_EQ(failing(spoiled([](const Step&) { return 1e-2f; })), Names{"exact_precision"});
}

TEST(GoldenCases, FindResultsThatDependOnTheBatch) {
  const auto names = failing(spoiled([](const Step& step) { return 1e-3f * static_cast<float>(step.num_rows()); }));
  EXPECT_TRUE(names.contains("batch_invariance"));
  EXPECT_TRUE(names.contains("cache"));
  EXPECT_FALSE(names.contains("same_bits"));
}

TEST(GoldenCases, FindResultsThatDependOnTheThreads) {
  const auto names = failing(spoiled(
      [](const Step& step) { return 1e-3f * static_cast<float>(const_cast<Step&>(step).device().num_threads()); }));
  EXPECT_TRUE(names.contains("same_bits"));
  EXPECT_FALSE(names.contains("batch_invariance"));
}

TEST(GoldenCases, FindResultsThatDependOnEarlierCalls) {
  const auto calls = std::make_shared<int>(0);
  const auto names = failing(spoiled([calls](const Step&) { return static_cast<float>(++*calls % 7); }));
  for (const auto* name : {"batch_invariance", "cache", "same_bits"}) EXPECT_TRUE(names.contains(name)) << name;
}

TEST(GoldenCases, FindAPlanThatIsTooSmall) {
  const auto plans_one_layer = [](const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind) {
    auto numbers = models::LlamaConfig::read(config);
    const bool is_plan = !(weights / "model.norm").take("weight", Shape{numbers.hidden_size}).has_data();
    if (is_plan) numbers.num_hidden_layers = 1;
    return models::build_llama(numbers, weights, device);
  };
  EXPECT_EQ(failing(plans_one_layer), Names{"memory_plan"});
}

class FlattenedLinks : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto name = std::string("flattened-") + ::testing::UnitTest::GetInstance()->current_test_info()->name();
    root_ = std::filesystem::path(::testing::TempDir()) / name;
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    std::filesystem::copy(std::filesystem::path(TTT_GOLDENS) / "llama-gelu", root_ / "whole",
                          std::filesystem::copy_options::recursive);
    std::filesystem::create_directories(root_ / "linked");
    std::filesystem::copy(root_ / "whole/config.json", root_ / "linked");
    for (const std::string file : {"model.safetensors", "golden.safetensors"})
      std::ofstream(root_ / "linked" / file) << "../whole/" << file;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
};

TEST_F(FlattenedLinks, AreFollowed) {
  const GoldenFolder folder(root_ / "linked");
  EXPECT_EQ(Golden::load(folder.golden_file()).input_ids, Golden::load(root_ / "whole/golden.safetensors").input_ids);
  EXPECT_EQ(Checkpoint::open(folder.checkpoint()).model_type, "llama");
  EXPECT_GT(GoldenModel(load_llama, folder.checkpoint(), {}).model().weight_bytes(), 0u);
}

TEST_F(FlattenedLinks, ThatLeadNowhereAreAnError) {
  std::filesystem::remove(root_ / "whole/model.safetensors");
  EXPECT_THROW(GoldenFolder(root_ / "linked"), FormatError);
}

TEST(Performance, MeasuresSomething) {
  const GoldenModel model(load_llama, std::filesystem::path(TTT_GOLDENS) / "llama-gelu", {});
  const auto speed = measure_speed(model, 8, 4);
  EXPECT_GT(speed.prefill_tokens_per_second, 0);
  EXPECT_GT(speed.decode_tokens_per_second, 0);
  EXPECT_GT(speed.share_of_roofline(), 0);
}

}  // namespace
}  // namespace ttt::testing
