#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "../support/block_harness.h"
#include "../support/reference_moe.h"
#include "ttt/building_blocks/ffn/moe.h"
#include "ttt/core/error.h"

namespace ttt::test {
namespace {

/// One row of a table of real configs, run with random weights.
struct MoeCase {
  std::string name;
  int hidden_size, intermediate_size, num_experts;
  RoutingNumbers routing;
  bool correction = false, bias = false, clamped = false;
  int shared_size = 0;
  bool gated_shared = false;
  std::size_t tokens = 11;
};

void PrintTo(const MoeCase& c, std::ostream* out) { *out << c.name; }

constexpr float kAlpha = 1.702f, kLimit = 7.0f;

std::shared_ptr<testing::MemoryWeights> make_weights(const MoeCase& c) {
  auto weights = std::make_shared<testing::MemoryWeights>();
  auto add = [&, seed = std::uint64_t{60}](const std::string& name, int out, int in, bool bias) mutable {
    set_spread(*weights, "ffn." + name + ".weight", {out, in}, ++seed, 1.6f / std::sqrt(static_cast<float>(in)));
    if (bias) set_spread(*weights, "ffn." + name + ".bias", {out}, ++seed, 0.3f);
  };
  const auto add_expert = [&](const std::string& name, int inner) {
    add(name + ".gate_proj", inner, c.hidden_size, c.bias);
    add(name + ".up_proj", inner, c.hidden_size, c.bias);
    add(name + ".down_proj", c.hidden_size, inner, c.bias);
  };
  add("gate", c.num_experts, c.hidden_size, c.bias);
  if (c.correction) set_spread(*weights, "ffn.gate.e_score_correction_bias", {c.num_experts}, 9, 0.2f);
  for (int e = 0; e < c.num_experts; ++e) add_expert("experts." + std::to_string(e), c.intermediate_size);
  if (c.shared_size > 0) add_expert("shared_expert", c.shared_size);
  if (c.gated_shared) add("shared_expert_gate", 1, c.hidden_size, false);
  return weights;
}

MixtureOfExperts::Config make_config(const MoeCase& c) {
  const auto& r = c.routing;
  using Score = ExpertGroups::Score;
  RoutingRule rule{.experts_per_token = r.experts_per_token,
                   .scores = r.sigmoid ? RoutingRule::Scores::sigmoid : RoutingRule::Scores::softmax,
                   .normalize_selected = r.normalize,
                   .scale = static_cast<float>(r.scale)};
  if (r.num_groups > 1)
    rule.groups =
        ExpertGroups{r.num_groups, r.groups_per_token, r.sum_of_best_two ? Score::sum_of_best_two : Score::best};
  MixtureOfExperts::Config config{
      .router = {.hidden_size = c.hidden_size,
                 .num_experts = c.num_experts,
                 .rule = rule,
                 .bias = c.bias,
                 .correction_bias = c.correction},
      .intermediate_size = c.intermediate_size,
      .activation = c.clamped ? GatedActivation::clamped_swiglu(kAlpha, kLimit) : GatedActivation(Activation::silu),
      .bias = c.bias};
  if (c.shared_size > 0) config.shared = MixtureOfExperts::SharedExpert{c.shared_size, c.gated_shared, c.bias};
  return config;
}

class Moe : public ::testing::TestWithParam<MoeCase> {};

TEST_P(Moe, FollowsTheReference) {
  const auto& c = GetParam();
  const auto weights = make_weights(c);
  const auto hidden = static_cast<std::size_t>(c.hidden_size);
  const auto x = testing::random_values(c.tokens * hidden, 3);
  MoeNumbers numbers{.routing = c.routing, .shared = c.shared_size > 0, .gated_shared = c.gated_shared};
  if (c.clamped) numbers.join = [](double gate, double up) { return clamped_swiglu(gate, up, kAlpha, kLimit); };
  const auto want = flatten(reference_moe(to_rows(x, hidden), *weights, "ffn", numbers));
  for (const auto precision : {Precision::exact, Precision::standard}) {
    BlockHarness harness(precision);
    const MixtureOfExperts block(make_config(c), Weights(weights) / "ffn", harness.device());
    const auto whole = harness.run(block, x, c.hidden_size, c.hidden_size, {c.tokens});
    const auto agreement = testing::compare(whole, want);
    EXPECT_GE(agreement.pcc, precision == Precision::exact ? 0.9999999 : 0.999);
    if (precision != Precision::exact) continue;
    EXPECT_LE(agreement.max_abs_diff, 2e-4);
    EXPECT_EQ(harness.run(block, x, c.hidden_size, c.hidden_size, std::vector<std::size_t>(c.tokens, 1)), whole)
        << "token by token must give the bits of the whole";
  }
}

// Experts, choices and scales of the models' published config.json; `_small` in a name: hidden and intermediate sizes
// are an eighth of the model's or less, since all of a layer's experts take gigabytes.
INSTANTIATE_TEST_SUITE_P(
    Published, Moe,
    ::testing::Values(MoeCase{.name = "mixtral_8x7b_small",
                              .hidden_size = 256,
                              .intermediate_size = 896,
                              .num_experts = 8,
                              .routing = {.experts_per_token = 2, .normalize = true},
                              .tokens = 5},
                      MoeCase{.name = "qwen1_5_moe_a2_7b_small",
                              .hidden_size = 256,
                              .intermediate_size = 176,
                              .num_experts = 60,
                              .routing = {.experts_per_token = 4},
                              .shared_size = 704,
                              .gated_shared = true},
                      MoeCase{.name = "qwen3_30b_a3b_small",
                              .hidden_size = 128,
                              .intermediate_size = 96,
                              .num_experts = 128,
                              .routing = {.experts_per_token = 8, .normalize = true}},
                      MoeCase{.name = "gpt_oss_20b_small",
                              .hidden_size = 360,
                              .intermediate_size = 360,
                              .num_experts = 32,
                              .routing = {.experts_per_token = 4, .normalize = true},
                              .bias = true,
                              .clamped = true},
                      MoeCase{.name = "deepseek_v2_lite_small",
                              .hidden_size = 256,
                              .intermediate_size = 176,
                              .num_experts = 64,
                              .routing = {.experts_per_token = 6},
                              .shared_size = 352},
                      MoeCase{.name = "deepseek_v2_small",
                              .hidden_size = 128,
                              .intermediate_size = 48,
                              .num_experts = 160,
                              .routing = {.experts_per_token = 6, .scale = 16, .num_groups = 8, .groups_per_token = 3},
                              .shared_size = 96},
                      MoeCase{.name = "deepseek_v3_small",
                              .hidden_size = 112,
                              .intermediate_size = 32,
                              .num_experts = 256,
                              .routing = {.experts_per_token = 8,
                                          .sigmoid = true,
                                          .normalize = true,
                                          .scale = 2.5,
                                          .num_groups = 8,
                                          .groups_per_token = 4,
                                          .sum_of_best_two = true},
                              .correction = true,
                              .shared_size = 32},
                      MoeCase{.name = "odd_one_expert",
                              .hidden_size = 19,
                              .intermediate_size = 13,
                              .num_experts = 1,
                              .routing = {.experts_per_token = 1},
                              .bias = true,
                              .shared_size = 7,
                              .gated_shared = true,
                              .tokens = 64},
                      MoeCase{.name = "odd_all_experts",
                              .hidden_size = 35,
                              .intermediate_size = 21,
                              .num_experts = 5,
                              .routing = {.experts_per_token = 5, .sigmoid = true, .scale = 0.3},
                              .tokens = 33}),
    [](const auto& info) { return info.param.name; });

TEST(MixtureOfExperts, AddsScaledToWhatIsThere) {
  const MoeCase c{.name = "",
                  .hidden_size = 24,
                  .intermediate_size = 16,
                  .num_experts = 4,
                  .routing = {.experts_per_token = 2},
                  .shared_size = 8,
                  .gated_shared = true};
  BlockHarness harness(Precision::exact);
  const MixtureOfExperts block(make_config(c), Weights(make_weights(c)) / "ffn", harness.device());
  const auto x = testing::random_values(7 * 24, 3), before = testing::random_values(7 * 24, 4);
  const auto stored = harness.run(block, x, 24, 24, {7});
  auto got = before, want = before;
  block.forward({x.data(), 7, 24}, harness.step(7), Matrix{got.data(), 7, 24}, {Write::add, 0.25f});
  for (std::size_t i = 0; i < want.size(); ++i) want[i] += 0.25f * stored[i];
  EXPECT_LE(testing::compare(got, want).max_abs_diff, 1e-5);
}

TEST(Router, RejectsChoicesThatCannotBeMade) {
  const MoeCase c{
      .name = "", .hidden_size = 8, .intermediate_size = 8, .num_experts = 6, .routing = {.experts_per_token = 2}};
  BlockHarness harness(Precision::exact);
  const auto weights = make_weights(c);
  const auto message = [&](RoutingRule rule, int num_experts = 6) -> std::string {
    try {
      Router({.hidden_size = 8, .num_experts = num_experts, .rule = rule}, Weights(weights) / "ffn.gate",
             harness.device());
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  };
  using Score = ExpertGroups::Score;
  const auto grouped = [](int k, int groups, int kept, Score score) {
    return RoutingRule{.experts_per_token = k, .groups = ExpertGroups{groups, kept, score}};
  };
  EXPECT_EQ(message({.experts_per_token = 6}), "");
  EXPECT_EQ(message(grouped(4, 3, 2, Score::sum_of_best_two)), "");
  EXPECT_EQ(message({.experts_per_token = 7}), "[Router ffn.gate] cannot choose 7 of 6 experts");
  EXPECT_EQ(message({.experts_per_token = 0}), "[Router ffn.gate] cannot choose 0 of 6 experts");
  EXPECT_EQ(message({.experts_per_token = 1}, 0), "[Router ffn.gate] cannot choose 1 of 0 experts");
  EXPECT_EQ(message(grouped(2, 4, 1, Score::best)), "[Router ffn.gate] cannot choose 1 of 4 groups of 6 experts");
  EXPECT_EQ(message(grouped(2, 0, 1, Score::best)), "[Router ffn.gate] cannot choose 1 of 0 groups of 6 experts");
  EXPECT_EQ(message(grouped(2, 3, 4, Score::best)), "[Router ffn.gate] cannot choose 4 of 3 groups of 6 experts");
  EXPECT_EQ(message(grouped(2, 3, 0, Score::best)), "[Router ffn.gate] cannot choose 0 of 3 groups of 6 experts");
  EXPECT_EQ(message(grouped(1, 6, 1, Score::sum_of_best_two)),
            "[Router ffn.gate] groups of one expert have no best two");
  EXPECT_EQ(message(grouped(3, 3, 1, Score::best)), "[Router ffn.gate] cannot choose 3 experts of 1 groups of 2");
  EXPECT_THROW(Router({.hidden_size = 9, .num_experts = 6, .rule = {.experts_per_token = 1}},
                      Weights(weights) / "ffn.gate", harness.device()),
               WeightError);
  EXPECT_THROW(Router({.hidden_size = 8, .num_experts = 6, .rule = {.experts_per_token = 1}, .correction_bias = true},
                      Weights(weights) / "ffn.gate", harness.device()),
               WeightError);
}

TEST(MixtureOfExperts, RejectsABadActivationAndMissingExperts) {
  const MoeCase c{
      .name = "", .hidden_size = 8, .intermediate_size = 8, .num_experts = 3, .routing = {.experts_per_token = 2}};
  BlockHarness harness(Precision::exact);
  auto config = make_config(c);
  config.activation.limit = -1;
  EXPECT_THROW(MixtureOfExperts(config, Weights(make_weights(c)) / "ffn", harness.device()), ConfigError);
  config = make_config(c);
  config.router.num_experts = 4;
  EXPECT_THROW(MixtureOfExperts(config, Weights(make_weights(c)) / "ffn", harness.device()), WeightError);
  config = make_config(c);
  config.shared = MixtureOfExperts::SharedExpert{8};
  EXPECT_THROW(MixtureOfExperts(config, Weights(make_weights(c)) / "ffn", harness.device()), WeightError);
}

}  // namespace
}  // namespace ttt::test
