#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "ttt/core/error.h"
#include "ttt/generation/sampling.h"
#include "ttt/generation/stop_conditions.h"

namespace ttt {
namespace {

std::map<int, int> draw(SamplingConfig config, std::vector<float> logits, int times) {
  std::map<int, int> counts;
  for (int i = 0; i < times; ++i) {
    config.seed = static_cast<std::uint64_t>(i);
    ++counts[Sampler(config, {}).next(logits)];
  }
  return counts;
}

TEST(Sampling, GreedyTakesTheLowestOfEquals) {
  EXPECT_EQ(argmax(std::vector<float>{NAN, 1, 3, 3, 2}), 2);
  EXPECT_THROW(argmax(std::vector<float>{NAN, NAN}), RequestError);
}

TEST(Sampling, SeedsGiveTheSameNumbersEverywhere) {
  Random random(0);  // published first output of xoshiro256** seeded with splitmix64(0)
  EXPECT_EQ(random.next(), 0x99ec5f36cb75f2b4ULL);
}

TEST(Sampling, FrequenciesFollowTheSoftmax) {
  const auto counts = draw({.temperature = 2}, {0, 2, 4}, 20000);
  const double total = 1 + std::exp(1) + std::exp(2);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(counts.at(i) / 20000.0, std::exp(i) / total, 0.015);
}

TEST(Sampling, ExtremeTemperaturesAndLogitsKeepTheirOrder) {
  const std::vector<float> logits{1, 3, 2, -INFINITY};
  for (const double temperature : {1e-3, 1e-300, 1e-308, 5e-324})
    EXPECT_EQ(draw({.temperature = temperature}, logits, 100), (std::map<int, int>{{1, 100}})) << temperature;
  EXPECT_EQ(draw({.temperature = 1e-308}, {5, 5}, 200).size(), 2u) << "equals stay equal";
  EXPECT_EQ(draw({.temperature = 1e308}, logits, 200).size(), 3u);
  for (const double temperature : {1e-308, 1.0, 1e308})
    EXPECT_EQ(draw({.temperature = temperature}, {1, INFINITY, 2}, 100), (std::map<int, int>{{1, 100}})) << temperature;
  EXPECT_EQ(draw({.temperature = 1}, {INFINITY, 3, INFINITY}, 200).size(), 2u) << "equals, though infinite";
  EXPECT_EQ(draw({.temperature = 1, .top_k = 2}, {INFINITY, 3, 4}, 100), (std::map<int, int>{{0, 100}}));
}

TEST(Sampling, FiltersKeepWhatTheyShould) {
  const auto p = [](double x) { return static_cast<float>(std::log(x)); };
  const std::vector<float> logits{p(0.1), p(0.5), p(0.3), p(0.1)};
  const auto kept = [&](SamplingConfig config) {
    std::set<int> ids;
    for (const auto& [id, count] : draw(config, logits, 500)) ids.insert(id);
    return ids;
  };
  EXPECT_EQ(kept({.temperature = 1}), (std::set<int>{0, 1, 2, 3}));
  EXPECT_EQ(kept({.temperature = 1, .top_k = 2}), (std::set<int>{1, 2}));
  EXPECT_EQ(kept({.temperature = 1, .top_p = 0.45}), (std::set<int>{1}));
  EXPECT_EQ(kept({.temperature = 1, .top_p = 0.75}), (std::set<int>{1, 2}));
  EXPECT_EQ(kept({.temperature = 1, .min_p = 0.4}), (std::set<int>{1, 2}));
}

TEST(Sampling, PenaltiesChangeTheChoice) {
  const std::vector<std::int32_t> prompt{0};
  EXPECT_EQ(Sampler({.repetition_penalty = 2}, prompt).next(std::vector<float>{3, 2}), 1);
  EXPECT_EQ(Sampler({.repetition_penalty = 2}, prompt).next(std::vector<float>{-1, -1.5f}), 1);
  EXPECT_EQ(Sampler({.presence_penalty = 2}, prompt).next(std::vector<float>{3, 2}), 0) << "the prompt does not count";
  Sampler sampler({.frequency_penalty = 0.6}, {});
  std::vector<int> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(sampler.next(std::vector<float>{3, 2}));
  EXPECT_EQ(ids[0], 0);
  EXPECT_EQ(ids[2], 1);
}

TEST(Sampling, ErrorsNameTheField) {
  try {
    SamplingConfig{.top_p = 0}.check();
    FAIL();
  } catch (const RequestError& e) {
    EXPECT_NE(std::string(e.what()).find("top_p"), std::string::npos);
  }
}

TEST(StopStrings, AreFoundAcrossPiecesAndNeverShown) {
  StopStrings stop({"END", "ENOUGH"});
  EXPECT_EQ(stop.push("so EN").text, "so ");
  EXPECT_EQ(stop.push("E").text, "EN");  // the last E could begin a stop string
  const auto result = stop.push("NDless");
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.text, "");
  StopStrings other({"END"});
  other.push("EN");
  EXPECT_EQ(other.flush(), "EN");
}

}  // namespace
}  // namespace ttt
