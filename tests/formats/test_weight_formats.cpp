#include <algorithm>
#include <cmath>

#include "support.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/glob.h"
#include "ttt/formats/quantize.h"
#include "ttt/formats/weight_formats.h"
#include "ttt/formats/weights.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt {
namespace {

TEST(Glob, StarsAndQuestionMarks) {
  for (const auto& [pattern, text] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"", ""},
           {"*", ""},
           {"*", "a.b"},
           {"a.b", "a.b"},
           {"a*", "a"},
           {"*b", "a.b"},
           {"a?b", "a.b"},
           {"a*c*e", "abcde"},
           {"a*bc", "abcbc"},
           {"*.mlp.*.weight", "model.layers.3.mlp.up_proj.weight"},
           {"**", "x"},
           {"[a]", "[a]"}})
    EXPECT_TRUE(matches_glob(pattern, text)) << pattern << " " << text;
  for (const auto& [pattern, text] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"", "a"},
           {"a", ""},
           {"?", ""},
           {"a.b", "a.bc"},
           {"a.b", "xa.b"},
           {"a*c", "ab"},
           {"a??", "ab"},
           {"A", "a"},
           {"*.mlp.*.weight", "model.layers.3.mlp.up_proj.bias"},
           {"layers.1.*", "layers.11.x"}})
    EXPECT_FALSE(matches_glob(pattern, text)) << pattern << " " << text;
}

TEST(Glob, ManyStarsTakeNoLongerThanTheProductOfTheLengths) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(matches_glob(pattern + "b", std::string(10'000, 'a')));
}

const WeightFormats kFormats({{"*.1.down", DType::bf16}, {"*.down", DType::bfp8}, {"*.up", DType::bfp4}}, "a.json");

TEST(WeightFormatRules, TheFirstThatMatchesDecides) {
  EXPECT_EQ(kFormats.format_of("m.1.down"), DType::bf16);
  EXPECT_EQ(kFormats.format_of("m.0.down"), DType::bfp8);
  EXPECT_EQ(kFormats.format_of("m.1.up"), DType::bfp4);
  EXPECT_EQ(kFormats.format_of("m.1.norm"), std::nullopt);
  EXPECT_TRUE(WeightFormats().empty());
}

TEST(WeightFormatRules, OneThatIsOfNoUseIsAnError) {
  kFormats.check_all_used(std::vector<std::string>{"m.0.down", "m.1.down", "m.0.up", "norm"});
  test::expect_error<RequestError>([] { kFormats.check_all_used(std::vector<std::string>{"m.0.down", "m.1.down"}); },
                                   "[a.json] \"*.up\" matches no tensor of this model; names are like m.0.down");
  test::expect_error<RequestError>([] { kFormats.check_all_used(std::vector<std::string>{"m.1.down", "m.0.up"}); },
                                   "[a.json] \"*.down\" decides for no tensor: m.1.down");
  test::expect_error<RequestError>([] { kFormats.check_all_used({}); }, "\"*.1.down\" matches no tensor");
}

TEST(WeightFormatRules, FormatsAreThoseThatCanBeWritten) {
  test::expect_error<ConfigError>(
      [] { WeightFormats({{"*", DType::q4_k}}, "a.json"); },
      "[a.json] \"*\": weights cannot be stored as q4_k; formats are bfp8, bfp4, bf16, q8_0, q4_0");
}

class QuantizedWeights : public ::testing::Test {
 protected:
  QuantizedWeights() {
    source_->set("m.a.weight", testing::random_weight(DType::bf16, 3, 32, 1));
    source_->set("m.b.weight", testing::random_weight(DType::f32, 3, 48, 2));
    source_->set("m.odd.weight", testing::random_weight(DType::f32, 3, 40, 3));
    source_->set("m.q4.weight", testing::random_weight(DType::q4_0, 3, 32, 4));
    source_->set("m.norm.weight", test::floats(std::vector<float>(16, 1.0f), {16}));
  }
  /// Every tensor in that format.
  Weights all(DType format) const {
    return weights_.quantized([format](std::string_view) { return format; });
  }
  std::shared_ptr<testing::MemoryWeights> source_ = std::make_shared<testing::MemoryWeights>();
  Weights weights_{source_};
};

TEST_F(QuantizedWeights, OneFormatIsForEveryMatrixThatCanHaveIt) {
  const auto w = weights_.quantized(DType::bfp8) / "m";
  EXPECT_EQ((w / "a").take_matrix("weight", {3, 32}).dtype(), DType::bfp8);
  EXPECT_EQ((w / "b").take_matrix("weight", {3, 48}).dtype(), DType::bfp8);
  EXPECT_EQ((w / "odd").take_matrix("weight", {3, 40}).dtype(), DType::f32);
  EXPECT_EQ((w / "q4").take_matrix("weight", {3, 32}).dtype(), DType::q4_0);
  EXPECT_EQ((w / "a").take("weight", {3, 32}).dtype(), DType::bf16) << "an embedding's table";
  EXPECT_EQ((w / "norm").take("weight", {16}).dtype(), DType::f32);
  EXPECT_EQ((weights_ / "m.a").take_matrix("weight", {3, 32}).dtype(), DType::bf16);
}

TEST_F(QuantizedWeights, HoldWhatTheEncoderMakesOfThem) {
  const Tensor stored = source_->load("m.b.weight");
  const Tensor taken = weights_.quantized(DType::bfp4).take_matrix("m.b.weight", {3, 48});
  std::vector<std::byte> want(taken.bytes().size());
  quantize(DType::bfp4, stored.values<float>(), want);
  EXPECT_TRUE(std::ranges::equal(taken.bytes(), want));
}

TEST_F(QuantizedWeights, RulesDecideTensorByTensor) {
  const auto w = weights_.quantized([](std::string_view name) -> std::optional<DType> {
    if (name == "m.a.weight") return DType::bfp4;
    if (name == "m.b.weight") return DType::bf16;
    return std::nullopt;
  });
  EXPECT_EQ((w / "m.a").take_matrix("weight", {3, 32}).dtype(), DType::bfp4);
  EXPECT_EQ((w / "m" / "b").take_matrix("weight", {3, 48}).dtype(), DType::bf16);
  EXPECT_EQ(w.take_matrix("m.odd.weight", {3, 40}).dtype(), DType::f32);
  EXPECT_EQ(w.quantized(DType::q8_0).take_matrix("m.a.weight", {3, 32}).dtype(), DType::q8_0) << "the last call counts";
  const auto planned = w.plan().take_matrix("m.a.weight", {3, 32});
  EXPECT_EQ(planned.dtype(), DType::bfp4);
  EXPECT_FALSE(planned.has_data());
}

TEST_F(QuantizedWeights, ARuleForATensorThatCannotFollowItIsAnError) {
  const auto w = all(DType::bfp8) / "m";
  test::expect_error<WeightError>([&] { (w / "odd").take_matrix("weight", {3, 40}); },
                                  "[m.odd] weight: cannot be stored as bfp8: rows of 40 are not whole blocks of 16");
  test::expect_error<WeightError>([&] { (w / "q4").take_matrix("weight", {3, 32}); },
                                  "[m.q4] weight: cannot be stored as bfp8: it is q4_0;");
  test::expect_error<WeightError>([&] { (w / "norm").take("weight", {16}); },
                                  "[m.norm] weight: cannot be stored as bfp8: it is not the matrix of a linear layer");
  const auto plan = all(DType::bfp8).plan();
  EXPECT_FALSE(plan.take("m.norm.weight", {16}).has_data());
  plan.take_matrix("m.odd.weight", {3, 40});
  plan.ignore([](std::string_view) { return true; });
  test::expect_error<WeightError>([&] { plan.finish(); },
                                  "misshaped or unusable (2): m.norm.weight: cannot be stored as bfp8: it is not");
}

TEST_F(QuantizedWeights, ValuesThatTheFormatLacksAreAnErrorThatNamesTheTensor) {
  std::vector<float> values(32, 1.0f);
  values[20] = NAN;
  source_->set("nan", test::floats(values, {2, 16}));
  for (const auto& w : {weights_.quantized(DType::bfp8), all(DType::bfp8)})
    test::expect_error<WeightError>([&] { w.take_matrix("nan", {2, 16}); },
                                    "nan: [quantize] bfp8 holds neither infinity nor NaN, but element 20 is nan");
}

}  // namespace
}  // namespace ttt
