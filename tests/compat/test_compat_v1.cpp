#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "llama.h"
#include "ttt/compat/v1.h"
#include "ttt/core/error.h"
#include "ttt/generation/generate.h"
#include "ttt/testing/golden.h"

namespace ttt {
namespace {

using compat::v1::ModelArgs;
using compat::v1::Optimizations;
using compat::v1::Transformer;
using Ids = std::vector<std::int32_t>;

const std::filesystem::path kCheckpoint = std::filesystem::path(TTT_GOLDENS) / "llama-default";
// Its rows are whole blocks of 16.
const std::filesystem::path kRowsOf64 = std::filesystem::path(TTT_GOLDENS) / "llama-rows-of-64";

ModelArgs exact_args(int max_batch_size) {
  return ModelArgs(kCheckpoint,
                   {.max_batch_size = max_batch_size, .device = {.precision = Precision::exact, .log = silent_log()}});
}

/// The library's own logits for the last of these tokens.
std::vector<float> logits_of(const Ids& tokens, const std::filesystem::path& path = kCheckpoint,
                             std::optional<DType> format = {}) {
  const auto checkpoint = Checkpoint::open(path);
  const auto device = Device::open(DeviceConfig::auto_detect(), {.precision = Precision::exact, .log = silent_log()});
  const auto weights = format ? checkpoint.weights.quantized(*format) : checkpoint.weights;
  const auto model = models::load_llama(checkpoint.config, weights, *device, checkpoint.kind);
  KvCache cache({.layers = model.cache_layers(), .max_tokens = 96, .dtype = DType::f32}, *device);
  Step step(cache, *device);
  const auto logits = prefill(model, step, cache.create(), tokens);
  return {logits.row(0), logits.row(0) + model.vocab_size()};
}

std::vector<float> row(const std::vector<float>& logits, std::size_t index, const Transformer& model) {
  const auto width = static_cast<std::ptrdiff_t>(model.vocab_size());
  const auto first = logits.begin() + static_cast<std::ptrdiff_t>(index) * width;
  return {first, first + width};
}

std::int32_t argmax(const std::vector<float>& logits) {
  return static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
}

TEST(CompatV1, SizesHaveTheirOldNames) {
  const auto args = exact_args(1);
  EXPECT_EQ(args.dim, 45);
  EXPECT_EQ(args.hidden_dim, 71);
  EXPECT_EQ(args.n_layers, 2);
  EXPECT_EQ(args.n_heads, 3);
  EXPECT_EQ(args.n_kv_heads, 1);
  EXPECT_EQ(args.head_dim, 18);
  EXPECT_EQ(args.vocab_size, 147);
  EXPECT_EQ(args.max_seq_len, 96);
  EXPECT_EQ(args.model_name, "llama-default");
}

TEST(CompatV1, TheCheckpointMayComeFromTheEnvironment) {
  ::setenv("HF_MODEL", kCheckpoint.c_str(), 1);
  EXPECT_EQ(ModelArgs().dim, 45);
  ::unsetenv("HF_MODEL");
  EXPECT_THROW(ModelArgs(), RequestError);
}

TEST(CompatV1, LogitsAreTheLibrarysBitForBit) {
  Transformer model(exact_args(3), models::load_llama);
  const std::vector<Ids> prompts{{5, 6, 7, 8}, {9, 10}, {11, 12, 13}};
  const auto prefilled = model.prefill_forward_text(prompts);
  for (std::size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(row(prefilled, i, model), logits_of(prompts[i]));
  // Slot 1 is left out of the step.
  const auto decoded = model.decode_forward_text(Ids{20, 21, 22}, Ids{4, -1, 3});
  EXPECT_EQ(row(decoded, 0, model), logits_of({5, 6, 7, 8, 20}));
  EXPECT_EQ(row(decoded, 1, model), std::vector<float>(147));
  EXPECT_EQ(row(decoded, 2, model), logits_of({11, 12, 13, 22}));
  // A position inside a slot's tokens forgets the rest.
  EXPECT_EQ(row(model.decode_forward_text(Ids{30}, Ids{2}), 0, model), logits_of({5, 6, 30}));
}

TEST(CompatV1, ThePresetForSpeedStoresBlockFloats) {
  const auto logits = [](Optimizations optimizations) {
    const ModelArgs args(
        kRowsOf64, {.optimizations = optimizations, .device = {.precision = Precision::exact, .log = silent_log()}});
    return Transformer(args, models::load_llama).prefill_forward_text(std::vector<Ids>{{5, 6, 7}});
  };
  EXPECT_EQ(logits(Optimizations::accuracy), logits_of({5, 6, 7}, kRowsOf64));
  EXPECT_EQ(logits(Optimizations::performance), logits_of({5, 6, 7}, kRowsOf64, DType::bfp8));
  EXPECT_NE(logits(Optimizations::performance), logits(Optimizations::accuracy));
}

TEST(CompatV1, ASlotIsFilledAnew) {
  Transformer model(exact_args(2), models::load_llama);
  model.prefill_forward_text(std::vector<Ids>{{5, 6, 7, 8}, {9, 10}});
  const auto again = model.prefill_forward_text(std::vector<Ids>{{40, 41}}, std::vector<int>{1});
  EXPECT_EQ(row(again, 0, model), logits_of({40, 41}));
  const auto decoded = model.decode_forward_text(Ids{20, 21}, Ids{4, 2});
  EXPECT_EQ(row(decoded, 0, model), logits_of({5, 6, 7, 8, 20}));
  EXPECT_EQ(row(decoded, 1, model), logits_of({40, 41, 21}));
}

TEST(CompatV1, GreedyTokensAreTheReferences) {
  const auto golden = testing::Golden::load(kCheckpoint / "golden.safetensors");
  ASSERT_FALSE(golden.greedy.empty());
  Transformer model(exact_args(1), models::load_llama);
  const Ids& prompt = golden.input_ids.front();
  auto next = argmax(model.prefill_forward_text(std::vector<Ids>{prompt}));
  auto position = static_cast<std::int32_t>(prompt.size());
  for (const auto expected : golden.greedy.front()) {
    ASSERT_EQ(next, expected) << "at position " << position;
    next = argmax(model.decode_forward_text(Ids{next}, Ids{position++}));
  }
}

TEST(CompatV1, WhatDoesNotFitIsAnErrorThatChangesNothing) {
  Transformer model(exact_args(2), models::load_llama);
  model.prefill_forward_text(std::vector<Ids>{{5, 6}});
  EXPECT_THROW(model.prefill_forward_text(std::vector<Ids>{{1}, {2}, {3}}), RequestError);
  EXPECT_THROW(model.prefill_forward_text(std::vector<Ids>{{1}, {}}), RequestError);
  EXPECT_THROW(model.prefill_forward_text(std::vector<Ids>{Ids(97, 1)}), RequestError);
  EXPECT_THROW(model.prefill_forward_text(std::vector<Ids>{{1}, {2}}, std::vector<int>{0, 0}), RequestError);
  EXPECT_THROW(model.prefill_forward_text(std::vector<Ids>{{1}}, std::vector<int>{2}), RequestError);
  EXPECT_THROW(model.decode_forward_text(Ids{7}, Ids{3}), RequestError);
  EXPECT_THROW(model.decode_forward_text(Ids{7}, Ids{}), RequestError);
  EXPECT_EQ(row(model.decode_forward_text(Ids{7}, Ids{2}), 0, model), logits_of({5, 6, 7}));
  EXPECT_THROW(ModelArgs(kCheckpoint, {.max_batch_size = 0}), RequestError);
  EXPECT_THROW(ModelArgs(kCheckpoint, {.max_seq_len = 97}), RequestError);
}

}  // namespace
}  // namespace ttt
