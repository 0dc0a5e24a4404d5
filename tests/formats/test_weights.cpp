#include "ttt/formats/weights.h"

#include "support.h"
#include "ttt/formats/safetensors.h"

namespace ttt {
namespace {

class WeightsTest : public testing::Test {
 protected:
  WeightsTest() {
    save_safetensors(folder_ / "m", {{"m.0.w", test::floats({1, 2, 3, 4, 5, 6}, {3, 2})},
                                     {"m.0.b", test::floats({7, 8, 9}, {3})}});
    weights_.emplace(open_safetensors(folder_ / "m"));
  }
  static Weights::Match ending(std::string suffix) {
    return [suffix](std::string_view name) { return name.ends_with(suffix); };
  }
  test::TempFolder folder_;
  std::optional<Weights> weights_;
};

TEST_F(WeightsTest, PathsAndShapes) {
  const auto block = *weights_ / "m" / 0;
  EXPECT_EQ(block.path(), "m.0");
  EXPECT_TRUE(block.has("w"));
  EXPECT_EQ(block.take("w", {3, 2}).shape(), (Shape{3, 2}));
  test::expect_error<WeightError>([&] { block.take("w", {2, 3}); }, "[m.0] w: expected [2, 3], got [3, 2] f32");
  test::expect_error<WeightError>([&] { block.take("q", {2}); }, "q: expected [2], missing from");
}

TEST_F(WeightsTest, FinishListsWhatIsLeft) {
  (*weights_ / "m.0").take("w", {3, 2});
  test::expect_error<WeightError>([&] { weights_->finish(); }, "never taken (1):\n    m.0.b");
  weights_->finish(ending(".b"));
  (*weights_ / "m.0").take("b", {3});
  weights_->finish();
}

TEST_F(WeightsTest, PlanRecordsEverythingAndReadsNothing) {
  const auto plan = weights_->plan();
  const auto block = plan / "m.0";
  EXPECT_FALSE(block.take("w", {9, 9}).has_data());
  EXPECT_EQ(block.take("q", {4}).shape(), (Shape{4}));
  for (const auto* part : {"missing (1):\n    m.0.q: expected [4]", "m.0.w: expected [9, 9], got [3, 2] f32",
                           "never taken (1):\n    m.0.b"})
    test::expect_error<WeightError>([&] { plan.finish(); }, part);
}

TEST_F(WeightsTest, Renamed) {
  const auto w = weights_->renamed([](std::string_view name) -> std::optional<std::string> {
    if (name == "hidden") return std::nullopt;
    return "m.0." + std::string(name);
  });
  EXPECT_TRUE(w.has("w"));
  EXPECT_FALSE(w.has("hidden"));
  EXPECT_EQ(test::to_vector(w.take("b", {3})), (std::vector<float>{7, 8, 9}));
}

TEST_F(WeightsTest, RowsPermuted) {
  const auto w = weights_->rows_permuted(ending("w"), [](auto r, auto rows) { return rows - 1 - r; });
  EXPECT_EQ(test::to_vector(w.take("m.0.w", {3, 2})), (std::vector<float>{5, 6, 3, 4, 1, 2}));
  EXPECT_EQ(test::to_vector(w.take("m.0.b", {3})), (std::vector<float>{7, 8, 9}));
  EXPECT_FALSE(w.plan().take("m.0.w", {3, 2}).has_data());
  const auto bad = weights_->rows_permuted(ending("w"), [](auto, auto rows) { return rows; });
  test::expect_error<WeightError>([&] { bad.take("m.0.w", {3, 2}); }, "row permutation maps 0 to 3");
}

TEST_F(WeightsTest, Transposed) {
  const auto w = weights_->transposed(ending("w"));
  EXPECT_EQ(test::to_vector(w.take("m.0.w", {2, 3})), (std::vector<float>{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(w.plan().take("m.0.w", {2, 3}).shape(), (Shape{2, 3}));
}

TEST_F(WeightsTest, Sliced) {
  const auto w = weights_->sliced([](std::string_view name) -> std::optional<Weights::Slice> {
    if (name == "m.0.q") return Weights::Slice{"m.0.w", 1, 2};
    if (name == "m.0.far") return Weights::Slice{"m.0.w", 2, 2};
    return std::nullopt;
  });
  EXPECT_EQ(test::to_vector(w.take("m.0.q", {2, 2})), (std::vector<float>{3, 4, 5, 6}));
  test::expect_error<WeightError>([&] { w.take("m.0.far", {2, 2}); }, "rows [2, 2+2) are outside m.0.w [3, 2]");
  w.take("m.0.b", {3});
  w.finish();  // the fused tensor counts as taken
  const auto plan = w.plan();
  EXPECT_EQ(plan.take("m.0.q", {2, 2}).shape(), (Shape{2, 2}));
  plan.take("m.0.far", {2, 2});
  test::expect_error<WeightError>([&] { plan.finish(); }, "misshaped or unusable (1)");
}

TEST_F(WeightsTest, MappedAndQuantized) {
  const auto w = weights_->mapped(ending("b"), [](float x) { return 1 + x; }).quantized(DType::q8_0);
  EXPECT_EQ(test::to_vector(w.take("m.0.b", {3})), (std::vector<float>{8, 9, 10}));
  EXPECT_EQ((w / "m").requested_format(), DType::q8_0);
  EXPECT_FALSE(w.plan().take("m.0.b", {3}).has_data());
}

}  // namespace
}  // namespace ttt
