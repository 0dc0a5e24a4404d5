#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "block_harness.h"
#include "isa_levels.h"
#include "ttt/building_blocks/normalization/query_key_norm.h"
#include "ttt/core/error.h"

namespace ttt::test {
namespace {

using Kind = QueryKeyNorm::Kind;
using Scope = QueryKeyNorm::Scope;

struct Sizes {
  int num_heads, head_dim;
  std::size_t tokens;
};

class QueryKeyNormBlock : public ::testing::TestWithParam<std::tuple<Kind, Scope, bool>> {
 protected:
  static std::shared_ptr<testing::MemoryWeights> make_weights(Shape shape, bool bias) {
    auto weights = std::make_shared<testing::MemoryWeights>();
    weights->set_random("norm.weight", shape, 1, 0.3f, 1.0f);
    if (bias) weights->set_random("norm.bias", shape, 2, 0.3f);
    return weights;
  }
};

TEST_P(QueryKeyNormBlock, FollowsTheReferenceAtEveryLevel) {
  const auto [kind, scope, bias] = GetParam();
  for (const auto& [num_heads, head_dim, tokens] :
       {Sizes{1, 1, 3}, Sizes{3, 20, 9}, Sizes{8, 64, 40}, Sizes{5, 17, 1}, Sizes{32, 128, 2}}) {
    SCOPED_TRACE(std::to_string(num_heads) + " heads of " + std::to_string(head_dim));
    const QueryKeyNorm::Config config{kind, scope, 1e-3f, bias};
    const auto weights = make_weights({scope == Scope::shared ? head_dim : num_heads * head_dim}, bias);
    const std::int64_t cols = num_heads * head_dim, stride = cols + 13;
    const auto x = testing::random_values(tokens * static_cast<std::size_t>(stride), 3);
    Rows want;
    for (std::size_t t = 0; t < tokens; ++t) {
      const auto first = x.begin() + static_cast<std::ptrdiff_t>(t) * stride;
      want.emplace_back(first, first + cols);
    }
    reference_query_key_norm(want, num_heads, head_dim, *weights, "norm", config);
    for (const auto& isa : isa_levels()) {
      const auto device = open_level(isa, Precision::standard);
      KvCache cache({.layers = {{1, 16, 16, std::nullopt}}, .max_tokens = 16}, *device);
      Step step(cache, *device);
      const QueryKeyNorm block(config, num_heads, head_dim, Weights(weights) / "norm", *device);
      EXPECT_EQ(block.weight_bytes(),
                sizeof(float) * static_cast<std::size_t>(scope == Scope::shared ? head_dim : cols) * (bias ? 2 : 1));
      auto got = x;  // in place, a part of wider rows
      block.forward({got.data(), static_cast<std::int64_t>(tokens), cols, stride}, step);
      for (std::size_t i = 0; i < got.size(); ++i) {
        const auto t = i / static_cast<std::size_t>(stride), at = i % static_cast<std::size_t>(stride);
        if (at < static_cast<std::size_t>(cols))
          EXPECT_NEAR(got[i], want[t][at], 2e-5) << isa;
        else
          EXPECT_EQ(got[i], x[i]) << "wrote beyond its columns, " << isa;
      }
    }
  }
}

std::string case_name(const ::testing::TestParamInfo<std::tuple<Kind, Scope, bool>>& info) {
  const auto [kind, scope, bias] = info.param;
  const std::string scope_name = scope == Scope::shared     ? "_shared"
                                 : scope == Scope::per_head ? "_per_head"
                                                            : "_all_heads";
  return (kind == Kind::rms ? "rms" : "layer") + scope_name + (bias ? "_bias" : "");
}

// A bias belongs to a layer norm.
INSTANTIATE_TEST_SUITE_P(Rms, QueryKeyNormBlock,
                         ::testing::Combine(::testing::Values(Kind::rms),
                                            ::testing::Values(Scope::shared, Scope::per_head, Scope::all_heads),
                                            ::testing::Values(false)),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Layer, QueryKeyNormBlock,
                         ::testing::Combine(::testing::Values(Kind::layer),
                                            ::testing::Values(Scope::shared, Scope::per_head, Scope::all_heads),
                                            ::testing::Bool()),
                         case_name);

TEST(QueryKeyNorm, WeightsOfEachHeadComeInOneDimensionOrTwo) {
  const auto device = open_level(isa_levels().front(), Precision::exact);
  KvCache cache({.layers = {{1, 16, 16, std::nullopt}}, .max_tokens = 16}, *device);
  Step step(cache, *device);
  auto flat = std::make_shared<testing::MemoryWeights>(), by_head = std::make_shared<testing::MemoryWeights>();
  flat->set_random("weight", {12}, 1, 1.0f);
  by_head->set_random("weight", {3, 4}, 1, 1.0f);
  const QueryKeyNorm::Config config{Kind::layer, Scope::per_head, 1e-5f};
  auto x = testing::random_values(24, 1), y = x;
  QueryKeyNorm(config, 3, 4, Weights(flat), *device).forward({x.data(), 2, 12}, step);
  QueryKeyNorm(config, 3, 4, Weights(by_head), *device).forward({y.data(), 2, 12}, step);
  EXPECT_EQ(x, y);
  EXPECT_THROW(QueryKeyNorm(config, 4, 3, Weights(by_head), *device), WeightError);
  EXPECT_THROW(QueryKeyNorm({Kind::layer, Scope::all_heads, 1e-5f}, 3, 4, Weights(by_head), *device), WeightError);
  EXPECT_THROW(QueryKeyNorm({Kind::layer, Scope::shared, 1e-5f}, 3, 4, Weights(flat), *device), WeightError);
  EXPECT_THROW(QueryKeyNorm({Kind::layer, Scope::per_head, 1e-5f, true}, 3, 4, Weights(flat), *device), WeightError);
}

}  // namespace
}  // namespace ttt::test
