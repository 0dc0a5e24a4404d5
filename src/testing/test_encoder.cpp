#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <string>

#include "block_harness.h"
#include "ttt/building_blocks/attention/mha.h"
#include "ttt/building_blocks/ffn/mlp.h"
#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/patterns/encoder.h"
#include "ttt/patterns/post_norm_layer.h"

namespace ttt::test {
namespace {

struct EncoderCase {
  std::string name;
  int hidden, num_heads, inner, offset;
  bool token_types;
  std::vector<std::size_t> lengths;
};

void PrintTo(const EncoderCase& c, std::ostream* out) { *out << c.name; }

constexpr int kVocab = 53, kPositions = 40, kLayers = 2;
constexpr float kEps = 1e-5f;

std::shared_ptr<testing::MemoryWeights> make_weights(const EncoderCase& c) {
  auto weights = std::make_shared<testing::MemoryWeights>();
  auto add = [&, seed = std::uint64_t{20}](const std::string& name, int out, int in, bool bias) mutable {
    weights->set_random(name + ".weight", {out, in}, ++seed, bias ? 1.2f / std::sqrt(static_cast<float>(in)) : 1.0f);
    if (bias) weights->set_random(name + ".bias", {out}, ++seed, 0.3f);
  };
  const auto add_norm = [&](const std::string& name) {
    weights->set_random(name + ".weight", {c.hidden}, name.size(), 0.3f, 1.0f);
    weights->set_random(name + ".bias", {c.hidden}, name.size() + 50, 0.3f);
  };
  add("words", kVocab, c.hidden, false);
  add("positions", kPositions, c.hidden, false);
  add("types", 2, c.hidden, false);
  add_norm("norm");
  for (int i = 0; i < kLayers; ++i) {
    const auto layer = "layer" + std::to_string(i) + ".";
    for (const auto* name : {"attn.q_proj", "attn.k_proj", "attn.v_proj", "attn.o_proj"})
      add(layer + name, c.hidden, c.hidden, true);
    add(layer + "ffn.up_proj", c.inner, c.hidden, true);
    add(layer + "ffn.down_proj", c.hidden, c.inner, true);
    add_norm(layer + "attention_norm");
    add_norm(layer + "ffn_norm");
  }
  return weights;
}

Encoder build(const EncoderCase& c, const Weights& w, Device& device) {
  const LayerNorm::Config norm{c.hidden, kEps};
  DecoderStack layers;
  for (int i = 0; i < kLayers; ++i) {
    const auto l = w / ("layer" + std::to_string(i));
    layers.push_back(PostNormLayer<LayerNorm, MultiHeadAttention, MLP>{
        .attention = {{.hidden_size = c.hidden,
                       .num_heads = c.num_heads,
                       .head_dim = c.hidden / c.num_heads,
                       .scale = 0.4f,
                       .mask = Mask::bidirectional(),
                       .qkv_bias = true,
                       .output_bias = true},
                      l / "attn",
                      device,
                      CacheLayer{i}},
        .attention_norm = {norm, l / "attention_norm", device},
        .ffn = {{.hidden_size = c.hidden, .intermediate_size = c.inner, .activation = Activation::gelu},
                l / "ffn",
                device},
        .ffn_norm = {norm, l / "ffn_norm", device}});
  }
  Encoder encoder{
      .embedding = Embedding({.vocab_size = kVocab, .hidden_size = c.hidden}, w / "words", device),
      .positions = PositionEmbedding({.num_positions = kPositions, .hidden_size = c.hidden, .offset = c.offset},
                                     w / "positions", device),
      .token_types = {},
      .norm = LayerNorm(norm, w / "norm", device),
      .layers = std::move(layers),
      .max_positions = kPositions - c.offset};
  if (c.token_types)
    encoder.token_types.emplace(TokenTypeEmbedding::Config{.num_types = 2, .hidden_size = c.hidden}, w / "types",
                                device);
  return encoder;
}

Rows plus(Rows x, const Rows& y) {
  for (std::size_t t = 0; t < x.size(); ++t)
    for (std::size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
  return x;
}

Rows table_rows(const WeightSource& weights, const std::string& name, const std::vector<std::int32_t>& ids) {
  const Tensor table = weights.load(name + ".weight");
  const auto cols = static_cast<std::size_t>(table.shape()[1]);
  Rows rows;
  for (const auto id : ids) {
    const auto row = table.values<float>().subspan(static_cast<std::size_t>(id) * cols, cols);
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

/// One sequence alone.
Rows reference_encoder(const EncoderCase& c, const WeightSource& w, const std::vector<std::int32_t>& ids) {
  std::vector<std::int32_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), c.offset);
  Rows x = plus(table_rows(w, "words", ids), table_rows(w, "positions", positions));
  if (c.token_types) x = plus(x, table_rows(w, "types", std::vector<std::int32_t>(ids.size(), 0)));
  x = reference_layer_norm(x, w, "norm", kEps);
  for (int i = 0; i < kLayers; ++i) {
    const auto layer = "layer" + std::to_string(i) + ".";
    const auto attended = reference_attention(x, w, layer + "attn",
                                              {.num_heads = c.num_heads,
                                               .num_kv_heads = c.num_heads,
                                               .head_dim = c.hidden / c.num_heads,
                                               .scale = 0.4,
                                               .bidirectional = true});
    x = reference_layer_norm(plus(x, attended), w, layer + "attention_norm", kEps);
    x = reference_layer_norm(plus(x, reference_mlp(x, w, layer + "ffn", gelu)), w, layer + "ffn_norm", kEps);
  }
  return x;
}

std::vector<double> reference_pool(const Rows& rows, Pooling pooling) {
  std::vector<double> sum = rows.front();
  for (std::size_t t = 1; pooling == Pooling::mean && t < rows.size(); ++t)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rows[t][i];
  const double length = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
  for (auto& v : sum) v /= length;
  return sum;
}

std::vector<std::int32_t> make_ids(std::size_t count, std::size_t salt) {
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < count; ++i)
    ids.push_back(static_cast<std::int32_t>((i * i * 7 + salt * 13 + 1) % kVocab));
  return ids;
}

std::unique_ptr<Device> open_exact() {
  return Device::open(DeviceConfig::auto_detect(), {.threads = 2, .precision = Precision::exact, .log = silent_log()});
}

class EncoderPattern : public ::testing::TestWithParam<EncoderCase> {};

TEST_P(EncoderPattern, FollowsTheReferenceForEverySequenceOfAStep) {
  const auto& c = GetParam();
  const auto weights = make_weights(c);
  const auto device = open_exact();
  const auto encoder = build(c, Weights(weights), *device);
  KvCache cache({.layers = encoder.cache_layers(),
                 .max_tokens = 1024,
                 .dtype = DType::f32,
                 .max_sequences = static_cast<int>(c.lengths.size())},
                *device);
  Step step(cache, *device);
  Rows want;
  for (const auto pooling : {Pooling::mean, Pooling::first}) {
    step.clear();
    want.clear();
    Rows pooled;
    std::vector<KvCache::Sequence> sequences;
    for (std::size_t s = 0; s < c.lengths.size(); ++s) {
      const auto ids = make_ids(c.lengths[s], s);
      sequences.push_back(cache.create());
      step.add(sequences.back(), ids, LogitRows::none);
      const auto rows = reference_encoder(c, *weights, ids);
      want.insert(want.end(), rows.begin(), rows.end());
      pooled.push_back(reference_pool(rows, pooling));
    }
    const Matrix hidden = encoder.forward(step);
    const std::vector<float> got(hidden.data, hidden.data + hidden.rows * hidden.cols);
    EXPECT_LE(testing::compare(got, flatten(want)).max_abs_diff, 1e-4);
    const Matrix vectors = encoder.pool(step, hidden, pooling);
    ASSERT_EQ(vectors.rows, static_cast<std::int64_t>(c.lengths.size()));
    EXPECT_LE(testing::compare({vectors.data, static_cast<std::size_t>(vectors.rows * vectors.cols)}, flatten(pooled))
                  .max_abs_diff,
              1e-5);
    for (const auto s : sequences) cache.drop(s);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, EncoderPattern,
                         ::testing::Values(EncoderCase{"one_sequence", 48, 4, 96, 0, true, {11}},
                                           EncoderCase{"ragged", 32, 2, 70, 2, true, {1, 38, 7}},
                                           EncoderCase{"odd_no_types", 35, 5, 17, 1, false, {3, 1, 20, 2}}),
                         [](const auto& info) { return info.param.name; });

class EncoderErrors : public ::testing::Test {
 protected:
  EncoderCase c_{"", 32, 2, 16, 2, true, {}};
  std::unique_ptr<Device> device_ = open_exact();
  Encoder encoder_ = build(c_, Weights(make_weights(c_)), *device_);
  KvCache cache_{{.layers = encoder_.cache_layers(), .max_tokens = 256, .dtype = DType::f32, .max_sequences = 2},
                 *device_};
  Step step_{cache_, *device_};

  std::string message_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const RequestError& e) {
      return e.what();
    }
    return "";
  }
};

TEST_F(EncoderErrors, TooLong) {
  step_.add(cache_.create(), make_ids(39, 0), LogitRows::none);
  EXPECT_EQ(message_of([&] { encoder_.forward(step_); }),
            "[encoder] expected at most 38 tokens, got 39; shorten the text");
}

TEST_F(EncoderErrors, NotWhole) {
  const auto sequence = cache_.create();
  step_.add(sequence, make_ids(5, 0), LogitRows::none);
  encoder_.forward(step_);
  step_.clear();
  step_.add(cache_.create(), make_ids(3, 0), LogitRows::none);
  step_.add(sequence, make_ids(2, 0), LogitRows::none);
  EXPECT_EQ(message_of([&] { encoder_.forward(step_); }), "[encoder] a sequence must be encoded whole, in one step");
}

TEST_F(EncoderErrors, IdsAndPositionsOutsideTheirTables) {
  const auto sequence = cache_.create();
  step_.add(sequence, std::vector<std::int32_t>{1, kVocab}, LogitRows::none);
  EXPECT_EQ(message_of([&] { encoder_.forward(step_); }), "[token id] expected a value in [0, 53), got 53");
  step_.clear();
  step_.add(sequence, std::vector<std::int32_t>{-1}, LogitRows::none);
  EXPECT_EQ(message_of([&] { encoder_.forward(step_); }), "[token id] expected a value in [0, 53), got -1");
  encoder_.max_positions = 0;  // the table itself then bounds the length
  step_.clear();
  step_.add(sequence, make_ids(39, 0), LogitRows::none);
  EXPECT_EQ(message_of([&] { encoder_.forward(step_); }), "[position] expected a value in [0, 40), got 40");
}

TEST_F(EncoderErrors, TablesOfAnotherShape) {
  const Weights w(make_weights(c_));
  EXPECT_THROW(PositionEmbedding({.num_positions = 41, .hidden_size = 32}, w / "positions", *device_), WeightError);
  EXPECT_THROW(TokenTypeEmbedding({.num_types = 3, .hidden_size = 32}, w / "types", *device_), WeightError);
  EXPECT_THROW(Embedding({.vocab_size = kVocab, .hidden_size = 31}, w / "words", *device_), WeightError);
}

TEST_F(EncoderErrors, PositionsFollowTheSequence) {
  const auto weights = make_weights(c_);
  const PositionEmbedding positions({.num_positions = kPositions, .hidden_size = 32, .offset = 2},
                                    Weights(weights) / "positions", *device_);
  const auto sequence = cache_.create();
  for (const std::int32_t first : {0, 5}) {
    step_.clear();
    step_.add(sequence, std::vector<std::int32_t>(5, 0), LogitRows::none);
    std::vector<float> y(5 * 32, 1.0f);
    positions.forward(step_, {y.data(), 5, 32});
    step_.commit();
    std::vector<std::int32_t> ids(5);
    std::iota(ids.begin(), ids.end(), first + 2);
    auto want = flatten(table_rows(*weights, "positions", ids));
    for (auto& v : want) v += 1.0f;
    EXPECT_EQ(y, want);
  }
}

}  // namespace
}  // namespace ttt::test
