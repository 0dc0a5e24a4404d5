#include <algorithm>

#include "support.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/safetensors.h"
#include "ttt/formats/weights.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt {
namespace {

class WeightsTest : public ::testing::Test {
 protected:
  WeightsTest() {
    save_safetensors(folder_ / "m",
                     {{"m.0.w", test::floats({1, 2, 3, 4, 5, 6}, {3, 2})}, {"m.0.b", test::floats({7, 8, 9}, {3})}});
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
  test::expect_error<WeightError>([&] { weights_->finish(); }, "never taken (1): m.0.b");
  weights_->ignore(ending(".b"));
  weights_->finish();
}

TEST(SavedBuffers, AreToldFromParametersByTheirShapes) {
  const test::TempFolder folder;
  save_safetensors(folder / "m", {{"h.0.attn.bias", test::floats({1, 0, 1, 1}, {1, 1, 2, 2})},
                                  {"h.1.attention.bias", test::floats({1, 2}, {2})},
                                  {"h.1.rotary_emb.inv_freq", test::floats({1}, {1})}});
  test::expect_error<WeightError>([&] { Weights(open_safetensors(folder / "m")).finish(); },
                                  "never taken (1): h.1.attention.bias");
}

TEST_F(WeightsTest, PlanRecordsEverythingAndReadsNothing) {
  const auto plan = weights_->plan();
  const auto block = plan / "m.0";
  EXPECT_FALSE(block.take("w", {9, 9}).has_data());
  EXPECT_EQ(block.take("q", {4}).shape(), (Shape{4}));
  for (const auto* part :
       {"missing (1): m.0.q: expected [4]", "m.0.w: expected [9, 9], got [3, 2] f32", "never taken (1): m.0.b"})
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

TEST_F(WeightsTest, Mapped) {
  const auto w = weights_->mapped(ending("b"), [](float x) { return 1 + x; });
  EXPECT_EQ(test::to_vector(w.take("m.0.b", {3})), (std::vector<float>{8, 9, 10}));
  EXPECT_FALSE(w.plan().take("m.0.b", {3}).has_data());
}

TEST_F(WeightsTest, IgnoredNamesCountAsTaken) {
  weights_->ignore(ending(".w"));
  test::expect_error<WeightError>([&] { weights_->finish(); }, "never taken (1): m.0.b");
  (*weights_ / "m.0").take("b", {3});
  weights_->finish();
  const auto plan = weights_->plan();
  plan.ignore([](std::string_view) { return true; });
  plan.finish();
  test::expect_error<WeightError>([&] { weights_->plan().finish(); }, "never taken (2)");
}

/// Matrices in block formats, and experts stacked as [2, 3, 32].
class AdaptorsTest : public ::testing::Test {
 protected:
  AdaptorsTest() {
    std::vector<float> values(2 * 3 * 32);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    source_->set("experts", test::floats(values, {2, 3, 32}));
    source_->set("vector", test::floats({1, 2, 3}, {3}));
    source_->set("other", test::floats({4, 5}, {2}));
    source_->set("q8", ttt::testing::random_weight(DType::q8_0, 3, 64, 1));
    source_->set("q4", ttt::testing::random_weight(DType::q4_k, 2, 256, 2));
    source_->set("q8_more", ttt::testing::random_weight(DType::q8_0, 2, 64, 3));
    const Tensor stacked = ttt::testing::random_weight(DType::q8_0, 6, 64, 4);
    source_->set("q8_experts", Tensor(DType::q8_0, {2, 3, 64}, stacked.data(), stacked.bytes().size()));
  }
  static Weights::Match named(std::string wanted) {
    return [wanted](std::string_view name) { return name == wanted; };
  }
  static bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
    return std::ranges::equal(a, b);
  }

  std::shared_ptr<ttt::testing::MemoryWeights> source_ = std::make_shared<ttt::testing::MemoryWeights>();
  Weights weights_{source_};
};

TEST_F(AdaptorsTest, TransposedBlockFormatsAreDecoded) {
  for (const auto& [name, rows, cols] : {std::tuple{"q8", 3, 64}, {"q4", 2, 256}}) {
    const auto w = weights_.transposed(named(name));
    EXPECT_EQ(w.find(name)->dtype, DType::f32);
    EXPECT_EQ(w.find(name)->shape, (Shape{cols, rows}));
    const Tensor decoded = to_f32(source_->load(name)), got = w.take(name, {cols, rows});
    ASSERT_EQ(got.dtype(), DType::f32);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < cols; ++c)
        ASSERT_EQ(got.values<float>()[static_cast<std::size_t>(c * rows + r)],
                  decoded.values<float>()[static_cast<std::size_t>(r * cols + c)]);
    EXPECT_EQ(w.plan().take(name, {cols, rows}).dtype(), DType::f32);
  }
  const auto bad = weights_.transposed(named("vector"));
  test::expect_error<WeightError>([&] { bad.take("vector", {3}); }, "[3] f32 cannot be transposed");
  const auto plan = bad.plan();
  EXPECT_EQ(plan.take("vector", {3}).shape(), (Shape{3}));
  test::expect_error<WeightError>([&] { plan.finish(); }, "misshaped or unusable (1)");
}

TEST_F(AdaptorsTest, Indexed) {
  const auto w = weights_.indexed([](std::string_view name) -> std::optional<Weights::Element> {
    if (name == "e0") return Weights::Element{"experts", 0};
    if (name == "e1") return Weights::Element{"experts", 1};
    if (name == "e2") return Weights::Element{"experts", 2};
    if (name == "below") return Weights::Element{"experts", -1};
    if (name == "q1") return Weights::Element{"q8_experts", 1};
    if (name == "of_vector") return Weights::Element{"vector", 0};
    if (name == "of_nothing") return Weights::Element{"absent", 0};
    return std::nullopt;
  });
  EXPECT_EQ(w.find("e1")->shape, (Shape{3, 32}));
  const auto first = test::to_vector(w.take("e0", {3, 32})), second = test::to_vector(w.take("e1", {3, 32}));
  for (std::size_t i = 0; i < 96; ++i) {
    EXPECT_EQ(first[i], static_cast<float>(i));
    EXPECT_EQ(second[i], static_cast<float>(96 + i));
  }
  const Tensor q = w.take("q1", {3, 64});
  const auto all = source_->load("q8_experts");
  EXPECT_EQ(q.dtype(), DType::q8_0);
  EXPECT_TRUE(same_bytes(q.bytes(), all.bytes().subspan(all.bytes().size() / 2)));
  EXPECT_EQ(test::to_vector(w.take("vector", {3})), (std::vector<float>{1, 2, 3})) << "other names pass through";
  test::expect_error<WeightError>([&] { w.take("e2", {3, 32}); }, "no element 2 in experts [2, 3, 32]");
  test::expect_error<WeightError>([&] { w.take("below", {3, 32}); }, "no element -1 in experts [2, 3, 32]");
  test::expect_error<WeightError>([&] { w.take("of_vector", {3}); }, "no element 0 in vector [3]");
  test::expect_error<WeightError>([&] { w.take("of_nothing", {3}); }, "of_nothing: expected [3], missing from memory");
  test::expect_error<WeightError>([&] { w.take("e0", {32, 3}); }, "e0: expected [32, 3], got [3, 32] f32");
  const auto plan = w.plan();
  EXPECT_FALSE(plan.take("e0", {3, 32}).has_data());
  plan.take("e2", {3, 32});
  plan.take("of_nothing", {3});
  plan.ignore([](std::string_view name) { return name != "experts"; });
  for (const auto* part : {"missing (1): of_nothing: expected [3]", "misshaped or unusable (1): e2: "})
    test::expect_error<WeightError>([&] { plan.finish(); }, part);
}

TEST_F(AdaptorsTest, Computed) {
  const auto recipe_of = [](std::string_view name) -> std::optional<Weights::Recipe> {
    const auto fill = [](std::span<const Tensor> parts, std::span<std::byte> out) {
      std::vector<float> values(2);
      const auto a = test::to_vector(parts[0]), b = test::to_vector(parts[1]);
      for (std::size_t i = 0; i < 2; ++i) values[i] = 100 * a[i] + b[i];
      std::memcpy(out.data(), values.data(), out.size());
    };
    if (name == "sum") return Weights::Recipe{{"vector", "other"}, DType::f32, {2}, fill};
    if (name == "lacking") return Weights::Recipe{{"vector", "absent"}, DType::f32, {2}, fill};
    return std::nullopt;
  };
  const auto w = weights_.computed(recipe_of);
  EXPECT_EQ(w.find("sum")->shape, (Shape{2}));
  EXPECT_FALSE(w.has("lacking"));
  EXPECT_EQ(test::to_vector(w.take("sum", {2})), (std::vector<float>{104, 205}));
  EXPECT_EQ(test::to_vector(w.take("other", {2})), (std::vector<float>{4, 5}));
  test::expect_error<WeightError>([&] { w.take("sum", {3}); }, "sum: expected [3], got [2] f32");
  test::expect_error<WeightError>([&] { w.take("lacking", {2}); }, "lacking: expected [2], missing from memory");
  const auto plan = w.plan();
  EXPECT_FALSE(plan.take("sum", {2}).has_data());
  plan.ignore([](std::string_view name) { return name.find('q') != name.npos || name == "experts"; });
  plan.finish();  // both parts count as taken
}

TEST_F(AdaptorsTest, Concatenated) {
  const auto w = weights_.concatenated([](std::string_view name) -> std::vector<std::string> {
    if (name == "joined") return {"vector", "other", "vector"};
    if (name == "blocks") return {"q8", "q8_more"};
    if (name == "mixed") return {"q8", "q4"};
    if (name == "ranks") return {"vector", "q8"};
    if (name == "lacking") return {"vector", "absent"};
    if (name == "lacking_first") return {"absent", "vector"};
    return {};
  });
  EXPECT_EQ(test::to_vector(w.take("joined", {8})), (std::vector<float>{1, 2, 3, 4, 5, 1, 2, 3}));
  const Tensor blocks = w.take("blocks", {5, 64});
  EXPECT_EQ(blocks.dtype(), DType::q8_0);
  const auto first = source_->load("q8"), second = source_->load("q8_more");
  EXPECT_TRUE(same_bytes(blocks.bytes().first(first.bytes().size()), first.bytes()));
  EXPECT_TRUE(same_bytes(blocks.bytes().subspan(first.bytes().size()), second.bytes()));
  test::expect_error<WeightError>([&] { w.take("joined", {7}); }, "joined: expected [7], got [8] f32");
  test::expect_error<WeightError>([&] { w.take("mixed", {5, 64}); },
                                  "[q4] [2, 256] q4_k cannot be concatenated with q8 [3, 64] q8_0");
  test::expect_error<WeightError>([&] { w.take("ranks", {6}); },
                                  "[q8] [3, 64] q8_0 cannot be concatenated with vector [3] f32");
  test::expect_error<WeightError>([&] { w.take("lacking", {6}); }, "lacking: expected [6], missing from memory");
  test::expect_error<WeightError>([&] { w.take("lacking_first", {6}); }, "missing from memory");
  const auto plan = w.plan();
  EXPECT_FALSE(plan.take("blocks", {5, 64}).has_data());
  plan.take("joined", {8});
  plan.take("mixed", {5, 64});
  plan.take("lacking_first", {6});
  plan.ignore([](std::string_view name) { return name == "experts" || name == "q8_experts" || name == "q4"; });
  for (const auto* part : {"missing (1): lacking_first: expected [6]",
                           "misshaped or unusable (1): mixed: [q4] [2, 256] q4_k cannot be concatenated"})
    test::expect_error<WeightError>([&] { plan.finish(); }, part);
}

TEST_F(AdaptorsTest, AdaptorsStack) {
  const auto w = weights_
                     .indexed([](std::string_view name) -> std::optional<Weights::Element> {
                       if (name.starts_with("e.")) return Weights::Element{"experts", name.back() - '0'};
                       return std::nullopt;
                     })
                     .sliced([](std::string_view name) -> std::optional<Weights::Slice> {
                       if (name.starts_with("last.")) return Weights::Slice{"e." + std::string(name.substr(5)), 2, 1};
                       return std::nullopt;
                     })
                     .mapped(named("last.1"), [](float v) { return -v; });
  const auto got = test::to_vector((w / "last").take("1", {1, 32}));
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(got[i], -static_cast<float>(96 + 64 + i));
}

}  // namespace
}  // namespace ttt
