#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "tiny_model.h"
#include "ttt/core/error.h"
#include "ttt/generation/generate.h"

namespace ttt {
namespace {

using test::TinyModel;

constexpr std::array<std::int32_t, 5> kPrompt{3, 1, 4, 1, 5};

/// Tokens as text: one letter each, so that words spread over several.
std::string letter(std::int32_t id) { return {static_cast<char>('a' + id % 26)}; }

class Generate : public ::testing::Test {
 protected:
  GenerationResult generate(const GenerationConfig& config, GenerationCallbacks callbacks = {},
                            std::int64_t context = 64) {
    KvCache cache = tiny_.make_cache(context);
    text_.clear();
    callbacks.on_text = [this](std::string_view part) { text_ += part; };
    return ttt::generate(tiny_.model(), cache, cache.create(), tiny_.device(), kPrompt, config, callbacks);
  }

  static GenerationCallbacks with_letters() {
    GenerationCallbacks callbacks;
    callbacks.decode = letter;
    return callbacks;
  }

  TinyModel tiny_;
  std::string text_;
};

TEST_F(Generate, GreedyIsTheArgmaxOfEveryForwardPass) {
  const auto result = generate({.max_tokens = 8});
  std::vector<std::int32_t> sequence(kPrompt.begin(), kPrompt.end());
  for (const auto token : result.tokens) {
    KvCache cache = tiny_.make_cache(64);
    Step step(cache, tiny_.device());
    const auto logits = prefill(tiny_.model(), step, cache.create(), sequence);
    EXPECT_EQ(argmax({logits.row(0), static_cast<std::size_t>(logits.cols)}), token);
    sequence.push_back(token);
  }
  EXPECT_EQ(result.finish, FinishReason::max_tokens);
  EXPECT_EQ(result.tokens.size(), 8u);
  EXPECT_EQ(result.prefill_tokens, 5);
  EXPECT_EQ(result.decode_steps, 7) << "the last token is not run through the model";
}

TEST_F(Generate, MaxTokens) {
  for (const std::int64_t most : {0, 1, 3}) {
    const auto result = generate({.max_tokens = most});
    EXPECT_EQ(static_cast<std::int64_t>(result.tokens.size()), most);
    EXPECT_EQ(result.finish, FinishReason::max_tokens);
  }
  EXPECT_THROW(generate({.max_tokens = -1}), RequestError);
}

TEST_F(Generate, StopTokensEndTheAnswerAndAreNotInIt) {
  const auto free = generate({.max_tokens = 8}).tokens;
  const auto stopped = generate({.max_tokens = 8, .stop_ids = {free[4]}});
  const auto first = std::ranges::find(free, free[4]);
  EXPECT_EQ(stopped.tokens, std::vector<std::int32_t>(free.begin(), first));
  EXPECT_EQ(stopped.finish, FinishReason::stop_token);
}

TEST_F(Generate, StopStringsSplitOverTokens) {
  generate({.max_tokens = 12}, with_letters());
  const std::string whole = text_;
  ASSERT_EQ(whole.size(), 12u);
  for (std::size_t length = 1; length <= 4; ++length) {
    const auto stop = whole.substr(5, length);
    const auto result = generate({.max_tokens = 12, .stop_strings = {"no such text", stop}}, with_letters());
    EXPECT_EQ(text_, whole.substr(0, whole.find(stop)));
    EXPECT_EQ(result.finish, FinishReason::stop_string);
    EXPECT_EQ(result.tokens.size(), whole.find(stop) + length) << "tokens hold the stop string too";
  }
}

TEST_F(Generate, WhatOnlyBeganAsAStopStringIsShownInTheEnd) {
  generate({.max_tokens = 6}, with_letters());
  const std::string whole = text_;
  const auto result = generate({.max_tokens = 6, .stop_strings = {whole.substr(4) + "!"}}, with_letters());
  EXPECT_EQ(text_, whole);
  EXPECT_EQ(result.finish, FinishReason::max_tokens);
}

TEST_F(Generate, AStopStringMayComeWithTheLastUnfinishedCharacter) {
  auto callbacks = with_letters();
  callbacks.decode_rest = [] { return std::string("END"); };
  const auto result = generate({.max_tokens = 3, .stop_strings = {"END"}}, callbacks);
  EXPECT_EQ(text_.size(), 3u);
  EXPECT_EQ(result.finish, FinishReason::stop_string);
}

TEST_F(Generate, StopStringsNeedText) {
  EXPECT_THROW(generate({.max_tokens = 1, .stop_strings = {"x"}}), RequestError);
  EXPECT_THROW(generate({.max_tokens = 1, .stop_strings = {""}}, with_letters()), RequestError);
}

TEST_F(Generate, CancelBetweenTokensKeepsWhatCame) {
  const auto free = generate({.max_tokens = 8}).tokens;
  std::size_t seen = 0;
  GenerationCallbacks callbacks;
  callbacks.on_token = [&](std::int32_t) { ++seen; };
  callbacks.cancelled = [&] { return seen == 3; };
  const auto result = generate({.max_tokens = 8}, callbacks);
  EXPECT_EQ(result.finish, FinishReason::cancelled);
  EXPECT_EQ(result.tokens, std::vector<std::int32_t>(free.begin(), free.begin() + 3));
}

TEST_F(Generate, CancelInTheMiddleOfAForwardPassLeavesTheSequenceUsable) {
  const auto free = generate({.max_tokens = 4}).tokens;
  KvCache cache = tiny_.make_cache(64);
  const auto sequence = cache.create();
  int asked = 0;
  GenerationCallbacks callbacks;
  callbacks.cancelled = [&] { return ++asked == 1; };  // after the prompt's first layer, and not when asked again
  const auto run = [&](const GenerationCallbacks& with) {
    return ttt::generate(tiny_.model(), cache, sequence, tiny_.device(), kPrompt, {.max_tokens = 4}, with);
  };
  const auto stopped = run(callbacks);
  EXPECT_EQ(stopped.finish, FinishReason::cancelled);
  EXPECT_TRUE(stopped.tokens.empty());
  EXPECT_EQ(cache.length(sequence), 0);
  EXPECT_EQ(run({}).tokens, free);
}

TEST_F(Generate, AFullContextEndsTheAnswer) {
  const auto result = generate({}, {}, 12);
  EXPECT_EQ(result.finish, FinishReason::context_full);
  EXPECT_EQ(result.tokens.size(), 12 - kPrompt.size() + 1) << "the last token needs no place";
  EXPECT_EQ(generate({}, {}, 5).tokens.size(), 1u);
  tiny_.model().max_positions = 7;
  EXPECT_EQ(generate({}, {}, 12).tokens.size(), 3u);
}

TEST_F(Generate, BadPromptsSayWhatIsWrong) {
  const auto error = [&](std::span<const std::int32_t> prompt, std::int64_t context) -> std::string {
    KvCache cache = tiny_.make_cache(context);
    try {
      ttt::generate(tiny_.model(), cache, cache.create(), tiny_.device(), prompt, {.max_tokens = 1});
    } catch (const RequestError& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_EQ(error(kPrompt, 4), "[prompt] has 5 tokens, the context holds 4");
  EXPECT_EQ(error({}, 4), "[prompt] has no token to continue from");
  EXPECT_EQ(error(std::array{61}, 4), "[prompt] token 61 is outside the vocabulary of 61");
  EXPECT_EQ(error(std::array{-1}, 4), "[prompt] token -1 is outside the vocabulary of 61");
}

TEST_F(Generate, PromptsInChunksGiveTheSameAnswer) {
  const auto whole = generate({.max_tokens = 6}).tokens;
  KvCache cache = tiny_.make_cache(64, 2);
  std::vector<std::int64_t> progress;
  GenerationCallbacks callbacks;
  callbacks.on_prefill = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 5);
    progress.push_back(done);
  };
  const auto result =
      ttt::generate(tiny_.model(), cache, cache.create(), tiny_.device(), kPrompt, {.max_tokens = 6}, callbacks);
  EXPECT_EQ(result.tokens, whole);
  EXPECT_EQ(progress, (std::vector<std::int64_t>{2, 4, 5}));
}

TEST_F(Generate, ContinuesWhatTheCacheHolds) {
  KvCache cache = tiny_.make_cache(64);
  const auto sequence = cache.create();
  const auto run = [&](std::span<const std::int32_t> prompt) {
    return ttt::generate(tiny_.model(), cache, sequence, tiny_.device(), prompt, {.max_tokens = 3});
  };
  const auto first = run(kPrompt);
  std::vector<std::int32_t> longer(kPrompt.begin(), kPrompt.end());
  longer.insert(longer.end(), first.tokens.begin(), first.tokens.end());
  longer.push_back(7);
  const auto second = run(longer);
  EXPECT_EQ(second.prefill_tokens, 2) << "the answer's last token and the new one";
  KvCache fresh = tiny_.make_cache(64);
  EXPECT_EQ(second.tokens,
            ttt::generate(tiny_.model(), fresh, fresh.create(), tiny_.device(), longer, {.max_tokens = 3}).tokens);
}

}  // namespace
}  // namespace ttt
