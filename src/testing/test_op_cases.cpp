#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "isa_levels.h"
#include "op_cases.h"
#include "ttt/testing/agreement.h"

namespace ttt::test {
namespace {

class OpCases : public ::testing::TestWithParam<std::string> {};

TEST_P(OpCases, FollowTheirReferencesAtTheSizesOfModels) {
  const auto device = open_level(GetParam(), Precision::standard);
  for (const auto& c : op_cases()) {
    const auto kernel = c.make(*device), oracle = c.make(*device);
    kernel->run();
    oracle->reference();
    const auto got = kernel->output(), want = oracle->output();
    const float most = std::fabs(std::ranges::max(want, {}, [](float v) { return std::fabs(v); }));
    EXPECT_GT(most, 0.0f) << c.name;
    EXPECT_LE(testing::compare(got, want).max_abs_diff, c.tolerance * static_cast<double>(most)) << c.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, OpCases, ::testing::ValuesIn(isa_levels()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ttt::test
