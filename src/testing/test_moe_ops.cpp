#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "isa_levels.h"
#include "reference_moe.h"
#include "ttt/ops/moe.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt::test {
namespace {

using testing::random_values;
using testing::random_weight;

class MoeOps : public ::testing::TestWithParam<std::string> {};

struct RouteCase {
  int num_experts;
  RoutingNumbers numbers;
};
const std::array<RouteCase, 12> kRoutes{
    {{1, {.experts_per_token = 1}},
     {2, {.experts_per_token = 1, .normalize = true}},
     {8, {.experts_per_token = 2, .normalize = true}},
     {7, {.experts_per_token = 7, .scale = 0.5}},
     {60, {.experts_per_token = 4}},
     {33, {.experts_per_token = 5, .sigmoid = true}},
     {33, {.experts_per_token = 5, .sigmoid = true, .normalize = true, .scale = 2.5}},
     {9, {.experts_per_token = 2, .num_groups = 3, .groups_per_token = 1}},
     {12, {.experts_per_token = 6, .num_groups = 6, .groups_per_token = 3}},
     {30, {.experts_per_token = 5, .sigmoid = true, .num_groups = 5, .groups_per_token = 2, .sum_of_best_two = true}},
     {256,
      {.experts_per_token = 8,
       .sigmoid = true,
       .normalize = true,
       .scale = 2.5,
       .num_groups = 8,
       .groups_per_token = 4,
       .sum_of_best_two = true}},
     {16, {.experts_per_token = 3, .normalize = true, .num_groups = 4, .groups_per_token = 4}}}};

RoutingRule make_rule(const RoutingNumbers& n) {
  using Score = ExpertGroups::Score;
  RoutingRule rule{.experts_per_token = n.experts_per_token,
                   .scores = n.sigmoid ? RoutingRule::Scores::sigmoid : RoutingRule::Scores::softmax,
                   .normalize_selected = n.normalize,
                   .scale = static_cast<float>(n.scale)};
  if (n.num_groups > 1)
    rule.groups =
        ExpertGroups{n.num_groups, n.groups_per_token, n.sum_of_best_two ? Score::sum_of_best_two : Score::best};
  return rule;
}

Rows as_rows(const std::vector<float>& values, std::int64_t cols) {
  Rows rows;
  for (auto at = values.begin(); at != values.end(); at += cols) rows.emplace_back(at, at + cols);
  return rows;
}

void check_route(Device& device, const RouteCase& c, const std::vector<float>& logits,
                 const std::vector<float>& correction) {
  const auto k = static_cast<std::size_t>(c.numbers.experts_per_token);
  const std::int64_t tokens = static_cast<std::int64_t>(logits.size()) / c.num_experts;
  const auto rule = make_rule(c.numbers);
  std::vector<std::int32_t> experts(static_cast<std::size_t>(tokens) * k, -1);
  std::vector<float> weights(experts.size(), -1.0f);
  ops::run<ops::Route>(device, {.logits = {logits.data(), tokens, c.num_experts},
                                .rule = rule,
                                .correction = correction.empty() ? nullptr : correction.data(),
                                .experts = experts,
                                .weights = weights});
  const auto want = reference_route(as_rows(logits, c.num_experts), {correction.begin(), correction.end()}, c.numbers);
  for (std::size_t t = 0; t < want.size(); ++t)
    for (std::size_t i = 0; i < k; ++i) {
      EXPECT_EQ(experts[t * k + i], want[t][i].first) << "token " << t;
      EXPECT_NEAR(weights[t * k + i], want[t][i].second, 2e-6 * (1 + std::abs(want[t][i].second)));
    }
}

TEST_P(MoeOps, RouteFollowsTheReference) {
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto device = open_level(GetParam(), precision);
    for (const auto& c : kRoutes)
      for (const std::int64_t tokens : {1, 2, 19}) {
        SCOPED_TRACE(std::to_string(c.num_experts) + " experts");
        const auto logits = random_values(static_cast<std::size_t>(tokens * c.num_experts), 3);
        check_route(*device, c, logits, {});
        check_route(*device, c, logits, random_values(static_cast<std::size_t>(c.num_experts), 4, 0.3f));
      }
  }
}

TEST_P(MoeOps, TiesGoToTheLowerExpertAndGroup) {
  const auto device = open_level(GetParam(), Precision::exact);
  for (const auto& c : kRoutes) {
    SCOPED_TRACE(std::to_string(c.num_experts) + " experts");
    check_route(*device, c, std::vector<float>(static_cast<std::size_t>(3 * c.num_experts), 0.5f), {});
    auto logits = random_values(static_cast<std::size_t>(40 * c.num_experts), 5);
    for (auto& l : logits) l = std::round(l);
    check_route(*device, c, logits, {});
  }
}

TEST_P(MoeOps, RouteTakesLargeLogits) {
  const auto device = open_level(GetParam(), Precision::exact);
  const RoutingRule rule{.experts_per_token = 2, .normalize_selected = true};
  const std::vector<float> logits{-1e4f, 1e4f, 3e4f, 3e4f - 1};
  std::vector<std::int32_t> experts(2);
  std::vector<float> weights(2);
  ops::run<ops::Route>(*device,
                       {.logits = {logits.data(), 1, 4}, .rule = rule, .experts = experts, .weights = weights});
  EXPECT_EQ(experts, (std::vector<std::int32_t>{2, 3}));
  EXPECT_NEAR(weights[0], 1 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(weights[1], 1 / (1 + std::exp(1.0)), 1e-6);
}

TEST_P(MoeOps, RouteSurvivesLogitsThatAreNoNumbers) {
  const auto device = open_level(GetParam(), Precision::exact);
  const RoutingRule rule{.experts_per_token = 3, .scores = RoutingRule::Scores::sigmoid};
  std::vector<float> logits(64, std::numeric_limits<float>::quiet_NaN());
  logits[40] = 1;
  std::vector<std::int32_t> experts(3);
  std::vector<float> weights(3);
  ops::run<ops::Route>(*device,
                       {.logits = {logits.data(), 1, 64}, .rule = rule, .experts = experts, .weights = weights});
  EXPECT_EQ(experts, (std::vector<std::int32_t>{0, 1, 40}));
}

/// The same without two of its columns: in bf16, it cannot be coded.
Tensor without_two_columns(const Tensor& weight) {
  return Tensor::make(weight.dtype(), weight.shape(), [&](std::span<std::byte> out) {
    std::ranges::copy(weight.bytes(), out.begin());
    const std::size_t row = out.size() / static_cast<std::size_t>(weight.shape()[0]);
    for (std::size_t at = 0; at < out.size(); at += row) std::fill_n(&out[at], 4, std::byte{0});
  });
}

/// Experts of random weights on one device, and what their layers are in f32. In bf16, every other one is packed in
/// another way.
class ExpertTable {
 public:
  ExpertTable(Device& device, int count, std::int64_t hidden, std::int64_t inner, DType format, bool biases) {
    for (int e = 0; e < count; ++e) {
      const auto seed = static_cast<std::uint64_t>(10 * e);
      const auto pack = [&](std::int64_t rows, std::int64_t cols, std::uint64_t salt) {
        const auto weight = random_weight(format, rows, cols, seed + salt);
        const std::array<Tensor, 1> parts{format == DType::bf16 && e % 2 == 1 ? without_two_columns(weight) : weight};
        matrices_.push_back(ops::run<ops::PackMatrix>(device, {parts}));
        return matrices_.back().get();
      };
      const auto bias = [&](std::int64_t size, std::uint64_t salt) {
        biases_.push_back(random_values(static_cast<std::size_t>(size), seed + salt));
        return biases_.back().data();
      };
      ops::Expert expert{pack(inner, hidden, 1), pack(inner, hidden, 2), pack(hidden, inner, 3)};
      if (biases) {
        expert.gate_bias = bias(inner, 4);
        expert.up_bias = bias(inner, 5);
        expert.down_bias = bias(hidden, 6);
      }
      experts.push_back(expert);
    }
  }
  std::vector<ops::Expert> experts;

 private:
  std::vector<std::shared_ptr<const ops::PackedMatrix>> matrices_;
  std::vector<std::vector<float>> biases_;
};

std::vector<double> multiply(const ops::PackedMatrix& w, const float* bias, const std::vector<double>& x) {
  std::vector<double> y;
  std::vector<float> row(x.size());
  for (std::int64_t r = 0; r < w.rows(); ++r) {
    w.unpack_row(r, row);
    y.push_back(std::inner_product(x.begin(), x.end(), row.begin(), bias ? static_cast<double>(bias[r]) : 0.0));
  }
  return y;
}

struct Choices {
  std::vector<std::int32_t> experts;  ///< [tokens * k], ascending for each token
  std::vector<float> weights;
};

/// Every token's k experts start at its own place, so that some experts get many tokens and, of few tokens, most get
/// none.
Choices choose(std::int64_t tokens, int k, int count) {
  Choices c{{}, random_values(static_cast<std::size_t>(tokens * k), 8)};
  for (std::int64_t t = 0; t < tokens; ++t) {
    const auto first = static_cast<std::int32_t>(t * t % (count - k + 1));
    for (std::int32_t i = 0; i < k; ++i) c.experts.push_back(first + i);
  }
  return c;
}

struct ExpertsCase {
  int count, k;
  std::int64_t hidden, inner;
  DType format = DType::f32;
  bool biases = false, clamped = false;
  float scale = 1;
  ops::Write write = ops::Write::store;
};
constexpr std::array<ExpertsCase, 9> kExperts{{{1, 1, 16, 16},
                                               {5, 2, 33, 17, DType::f32, true},
                                               {8, 3, 64, 96, DType::q8_0, false, false, 0.5f, ops::Write::add},
                                               {4, 4, 19, 35, DType::f32, true, true, -1.5f, ops::Write::add},
                                               {6, 1, 256, 256, DType::q4_k, true},
                                               {3, 2, 40, 7, DType::bf16, false, true},
                                               {5, 2, 48, 80, DType::bf16, true},
                                               {7, 2, 32, 64, DType::mxfp4, true, true},
                                               {5, 2, 48, 80, DType::bfp4, true}}};
constexpr float kAlpha = 1.702f, kLimit = 0.8f;

GatedActivation activation_of(const ExpertsCase& c) {
  return c.clamped ? GatedActivation::clamped_swiglu(kAlpha, kLimit) : GatedActivation(Activation::silu);
}

Rows reference_experts(const ExpertsCase& c, const ExpertTable& table, const Choices& choices, const Rows& x, Rows y) {
  for (std::size_t t = 0; t < x.size(); ++t) {
    if (c.write == ops::Write::store) std::fill(y[t].begin(), y[t].end(), 0.0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(c.k); ++i) {
      const auto at = t * static_cast<std::size_t>(c.k) + i;
      const auto& e = table.experts[static_cast<std::size_t>(choices.experts[at])];
      auto h = multiply(*e.gate, e.gate_bias, x[t]);
      const auto up = multiply(*e.up, e.up_bias, x[t]);
      for (std::size_t j = 0; j < h.size(); ++j)
        h[j] = c.clamped ? clamped_swiglu(h[j], up[j], kAlpha, kLimit) : silu(h[j]) * up[j];
      const auto out = multiply(*e.down, e.down_bias, h);
      for (std::size_t j = 0; j < out.size(); ++j)
        y[t][j] += static_cast<double>(c.scale) * choices.weights[at] * out[j];
    }
  }
  return y;
}

std::vector<float> run_experts(Device& device, const ExpertsCase& c, const ExpertTable& table, const Choices& choices,
                               const std::vector<float>& x, std::vector<float> y) {
  const auto tokens = static_cast<std::int64_t>(x.size()) / c.hidden;
  ops::run<ops::Experts>(device, {.all = table.experts,
                                  .chosen = choices.experts,
                                  .weights = choices.weights,
                                  .x = {x.data(), tokens, c.hidden},
                                  .y = {y.data(), tokens, c.hidden},
                                  .activation = activation_of(c),
                                  .scale = c.scale,
                                  .write = c.write});
  return y;
}

void check_experts(Device& device, const ExpertsCase& c, double tolerance) {
  const ExpertTable table(device, c.count, c.hidden, c.inner, c.format, c.biases);
  for (const std::int64_t tokens : {1, 2, 3, 5, 8, 13, 16, 17, 31, 33, 48, 64}) {
    SCOPED_TRACE(std::to_string(c.count) + " experts of " + std::string(name(c.format)) + ", tokens " +
                 std::to_string(tokens));
    const auto choices = choose(tokens, c.k, c.count);
    const auto x = random_values(static_cast<std::size_t>(tokens * c.hidden), 7), before = random_values(x.size(), 9);
    const auto got = run_experts(device, c, table, choices, x, before);
    std::vector<float> want;
    for (const auto& row : reference_experts(c, table, choices, as_rows(x, c.hidden), as_rows(before, c.hidden)))
      want.insert(want.end(), row.begin(), row.end());
    double most = 0;
    for (const float v : want) most = std::max(most, std::abs(static_cast<double>(v)));
    EXPECT_LE(testing::compare(got, want).max_abs_diff, tolerance * most);
  }
}

TEST_P(MoeOps, ExpertsFollowTheReference) {
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto device = open_level(GetParam(), precision);
    for (const auto& c : kExperts) check_experts(*device, c, precision == Precision::exact ? 2e-5 : 3e-2);
  }
}

/// Experts of one token and of odd numbers beside others, as words.
TEST_P(MoeOps, ExpertsInHalfFloatsFollowTheReferenceAsWords) {
  const auto device = open_with_words(GetParam(), 2);
  for (const auto format : {DType::f16, DType::bf16}) check_experts(*device, {5, 2, 64, 96, format, true}, 2e-3);
}

TEST_P(MoeOps, ExpertsOfNoTokensAndTokensOfNoExperts) {
  const auto device = open_level(GetParam(), Precision::exact);
  ExpertsCase c{3, 1, 8, 8};
  const ExpertTable table(*device, c.count, c.hidden, c.inner, c.format, true);
  EXPECT_TRUE(run_experts(*device, c, table, {}, {}, {}).empty());
  const auto x = random_values(24, 1), before = random_values(24, 2);
  EXPECT_EQ(run_experts(*device, c, table, {}, x, before), std::vector<float>(24, 0.0f));
  c.write = ops::Write::add;
  EXPECT_EQ(run_experts(*device, c, table, {}, x, before), before);
}

TEST_P(MoeOps, BitsOfExpertsDependNeitherOnThreadsNorWhenAskedOnTheBatch) {
  constexpr std::int64_t kTokens = 37;
  for (const auto precision : {Precision::exact, Precision::standard})
    for (const auto& c : kExperts) {
      const auto x = random_values(static_cast<std::size_t>(kTokens * c.hidden), 7),
                 before = random_values(x.size(), 9);
      const auto choices = choose(kTokens, c.k, c.count);
      const auto run = [&](int threads, std::int64_t first, std::int64_t tokens) {
        const auto device = open_level(GetParam(), precision, threads, BatchInvariance::on);
        const ExpertTable table(*device, c.count, c.hidden, c.inner, c.format, c.biases);
        const auto cut = [&](const auto& values, std::int64_t cols) {
          return std::decay_t<decltype(values)>(values.begin() + first * cols,
                                                values.begin() + (first + tokens) * cols);
        };
        return run_experts(*device, c, table, {cut(choices.experts, c.k), cut(choices.weights, c.k)}, cut(x, c.hidden),
                           cut(before, c.hidden));
      };
      const auto whole = run(1, 0, kTokens);
      EXPECT_EQ(run(2, 0, kTokens), whole);
      EXPECT_EQ(run(4, 0, kTokens), whole);
      for (const auto& [first, tokens] : {std::pair{0, 1}, {36, 1}, {5, 3}, {16, 20}}) {
        const auto some = run(2, first, tokens);
        EXPECT_TRUE(std::equal(some.begin(), some.end(), whole.begin() + first * c.hidden))
            << name(c.format) << " tokens from " << first;
      }
    }
}

/// The first expert of each table alone, and both at once.
void check_independence(Device& device, const ExpertsCase& c, const ExpertTable& one, const ExpertTable& other) {
  ExpertTable both(device, 0, c.hidden, c.inner, c.format, false);
  both.experts = {one.experts.front(), other.experts.front()};
  const auto x = random_values(static_cast<std::size_t>(2 * c.hidden), 7);
  const auto size = static_cast<std::size_t>(c.hidden);
  const std::vector<float> first(x.begin(), x.begin() + c.hidden), second(x.begin() + c.hidden, x.end());
  const auto run = [&](const Choices& choices, const std::vector<float>& tokens) {
    return run_experts(device, c, both, choices, tokens, std::vector<float>(tokens.size()));
  };
  const auto alone = run({{0}, {0.5f}}, first), other_alone = run({{1}, {2.0f}}, second);
  const auto together = run({{0, 1}, {0.5f, 2.0f}}, x);
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin()));
  EXPECT_TRUE(std::equal(other_alone.begin(), other_alone.end(), together.begin() + static_cast<std::ptrdiff_t>(size)));
}

/// Which kernels an expert gets, and so its bits, is not for the formats and sizes of others to decide.
TEST_P(MoeOps, BitsOfExpertsDoNotDependOnOthers) {
  constexpr ExpertsCase kCase{2, 1, 96, 64};
  constexpr std::int64_t kInner = 32, kLargerInner = 4096;
  const auto device = open_level(GetParam(), Precision::fast, 2, BatchInvariance::on);
  const ExpertTable small(*device, 1, kCase.hidden, kInner, DType::q4_0, false),
      large(*device, 1, kCase.hidden, kLargerInner, DType::q4_0, false),
      eight_bits(*device, 1, kCase.hidden, kInner, DType::q8_0, false);
  for (const auto* second_table : {&large, &eight_bits}) check_independence(*device, kCase, small, *second_table);
}

INSTANTIATE_TEST_SUITE_P(Isa, MoeOps, ::testing::ValuesIn(linear_levels()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ttt::test
