#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "ttt/core/error.h"
#include "ttt/hardware/device.h"
#include "ttt/ops/elementwise.h"
#include "ttt/ops/kernel_table.h"
#include "ttt/ops/linear.h"
#include "ttt/ops/moe.h"
#include "ttt/ops/norm.h"
#include "ttt/testing/random_weight.h"

namespace ttt::test {
namespace {

using testing::random_weight;

/// An op whose arguments do not fit together must say so before any kernel runs.
class ShapeChecks : public ::testing::Test {
 protected:
  Matrix matrix(std::int64_t rows, std::int64_t cols) {
    return {values_.emplace_back(static_cast<std::size_t>(rows * cols)).data(), rows, cols};
  }
  std::shared_ptr<const ops::PackedMatrix> packed(std::int64_t rows, std::int64_t cols) {
    const std::array<Tensor, 1> parts{random_weight(DType::f32, rows, cols, 1)};
    return ops::run<ops::PackMatrix>(*device_, {parts});
  }
  template <class Op>
  void reject(const typename Op::Args& args, std::string_view words) {
    try {
      ops::run<Op>(*device_, args);
      ADD_FAILURE() << Op::name << " took it";
    } catch (const ShapeError& error) {
      EXPECT_NE(std::string_view(error.what()).find(words), std::string_view::npos) << error.what();
    }
  }

  std::unique_ptr<Device> device_ = Device::open(DeviceConfig::auto_detect(), {});

 private:
  std::vector<std::vector<float>> values_;
};

TEST_F(ShapeChecks, Linear) {
  const auto w = packed(6, 8);
  reject<ops::Linear>({.weight = *w, .x = matrix(2, 7), .y = matrix(2, 6)}, "x: expected [2, 8], got [2, 7]");
  reject<ops::Linear>({.weight = *w, .x = matrix(2, 8), .y = matrix(2, 5)}, "y: expected [2, 6], got [2, 5]");
  reject<ops::Linear>({.weight = *w, .x = matrix(2, 8), .y = matrix(3, 6)}, "y: expected [2, 6], got [3, 6]");
  const auto other = packed(5, 8);
  reject<ops::GatedLinear>({.gate = *w, .up = *other, .x = matrix(2, 8), .y = matrix(2, 6)}, "rows of up");
}

TEST_F(ShapeChecks, Embed) {
  const auto w = packed(6, 8);
  const std::array<std::int32_t, 2> good{0, 5}, bad{0, 6}, negative{-1, 0};
  reject<ops::Embed>({.weight = *w, .ids = good, .y = matrix(3, 8)}, "y: expected [2, 8]");
  reject<ops::Embed>({.weight = *w, .ids = bad, .y = matrix(2, 8)}, "id 6 of 6 rows");
  reject<ops::Embed>({.weight = *w, .ids = negative, .y = matrix(2, 8)}, "id -1");
}

TEST_F(ShapeChecks, RowByRow) {
  const std::array<std::int32_t, 1> row{2};
  reject<ops::Copy>({.x = matrix(2, 4), .y = matrix(2, 5)}, "y: expected [2, 4]");
  reject<ops::Copy>({.x = matrix(2, 4), .y = matrix(1, 4), .rows = row}, "row 2 of 2 rows");
  reject<ops::AddGated>({.x = matrix(2, 4), .gate = matrix(1, 1), .y = matrix(2, 4)}, "gate: expected [2, 1]");
  reject<ops::Softcap>({.y = matrix(1, 1), .cap = 0.0f}, "cap");
  reject<ops::RmsNorm>({.x = matrix(2, 6), .eps = 1e-5f, .y = matrix(2, 6), .group = 4}, "groups of 4");
  reject<ops::LayerNorm>({.x = matrix(2, 6), .eps = 1e-5f, .y = matrix(1, 6)}, "y: expected [2, 6]");
}

TEST_F(ShapeChecks, Experts) {
  const auto gate = packed(6, 8), down = packed(8, 6);
  const std::array<ops::Expert, 1> all{{{gate.get(), gate.get(), down.get()}}};
  const std::array<std::int32_t, 2> chosen{0, 1};
  const std::array<float, 2> weights{1, 1};
  reject<ops::Experts>({.all = all, .chosen = chosen, .weights = weights, .x = matrix(2, 8), .y = matrix(2, 8)},
                       "expert 1 of 1");
  const RoutingRule rule{.experts_per_token = 2};
  std::array<std::int32_t, 1> experts{};
  std::array<float, 1> out{};
  reject<ops::Route>({.logits = matrix(1, 4), .rule = rule, .experts = experts, .weights = out},
                     "experts: expected 2, got 1");
}

}  // namespace
}  // namespace ttt::test
