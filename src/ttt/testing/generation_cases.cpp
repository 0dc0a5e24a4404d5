#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ttt/generation/generate.h"
#include "ttt/testing/golden_case.h"

namespace ttt::inline v2::testing {
namespace {

constexpr std::int64_t kAnswer = 8;

std::vector<std::int32_t> run(const GoldenModel& model, const TokenRow& prompt, const GenerationConfig& config,
                              const GenerationCallbacks& callbacks = {}) {
  KvCache cache = model.make_cache(static_cast<std::int64_t>(prompt.size()) + config.max_tokens, 1);
  return generate(model.model(), cache, cache.create(), model.device(), prompt, config, callbacks).tokens;
}

Outcome greedy(const GoldenSubject& subject) {
  Outcome outcome;
  const auto& golden = subject.golden;
  if (golden.greedy.empty()) outcome.skipped = "the golden has no greedy continuation";
  const auto model = subject.build({.threads = 1, .precision = Precision::exact});
  for (std::size_t b = 0; b < golden.greedy.size(); ++b) {
    TokenRow told;
    const auto got = run(model, golden.input_ids[b], {.max_tokens = static_cast<std::int64_t>(golden.greedy[b].size())},
                         {.on_token = [&](std::int32_t id) { told.push_back(id); }});
    outcome.expect(got == golden.greedy[b], fmt::format("row {}: other tokens than the reference's", b));
    outcome.expect(told == got, fmt::format("row {}: other tokens were told than returned", b));
  }
  return outcome;
}

/// What ends an answer, tried on one prompt whose greedy answer is known.
class StopTrial {
 public:
  StopTrial(const GoldenModel& model, const TokenRow& prompt)
      : model_(model), prompt_(prompt), answer_(run(model, prompt, {.max_tokens = kAnswer})) {}

  const TokenRow& answer() const { return answer_; }
  static std::string text(std::int32_t id) { return fmt::format("<{}>", id); }

  /// Expects the first `count` tokens of the answer and that reason.
  void expect(Outcome& outcome, const GenerationConfig& config, const GenerationCallbacks& callbacks, std::size_t count,
              FinishReason reason, std::int64_t room = kAnswer) const {
    KvCache cache = model_.make_cache(static_cast<std::int64_t>(prompt_.size()) + room, 1);
    const auto result = generate(model_.model(), cache, cache.create(), model_.device(), prompt_, config, callbacks);
    outcome.expect(result.finish == reason,
                   fmt::format("expected the answer to end by {}, got {}", name(reason), name(result.finish)));
    outcome.expect(std::ranges::equal(result.tokens, std::span(answer_).first(std::min(count, answer_.size()))),
                   fmt::format("{}: expected the answer's first {} tokens, got {} tokens", name(reason), count,
                               result.tokens.size()));
  }

 private:
  const GoldenModel& model_;
  const TokenRow& prompt_;
  TokenRow answer_;
};

Outcome stop_conditions(const GoldenSubject& subject) {
  Outcome outcome;
  const auto model = subject.build({.threads = 1, .precision = Precision::exact});
  const StopTrial trial(model, subject.golden.input_ids[0]);
  const auto stop = trial.answer()[kAnswer / 2];
  const auto first_stop = static_cast<std::size_t>(std::ranges::find(trial.answer(), stop) - trial.answer().begin());

  for (const std::int64_t count : {0, 1, 3})
    trial.expect(outcome, {.max_tokens = count}, {}, static_cast<std::size_t>(count), FinishReason::max_tokens);
  trial.expect(outcome, {.max_tokens = kAnswer, .stop_ids = {stop}}, {}, first_stop, FinishReason::stop_token);

  std::string shown, want;
  for (std::size_t i = 0; i < first_stop; ++i) want += StopTrial::text(trial.answer()[i]);
  trial.expect(outcome, {.max_tokens = kAnswer, .stop_strings = {StopTrial::text(stop)}},
               {.decode = StopTrial::text, .on_text = [&](std::string_view text) { shown += text; }}, first_stop + 1,
               FinishReason::stop_string);
  outcome.expect(shown == want, fmt::format("expected the text \"{}\" before a stop string, got \"{}\"", want, shown));

  // The last token needs no room: nothing follows it.
  trial.expect(outcome, {}, {}, 4, FinishReason::context_full, 3);

  std::size_t told = 0;
  trial.expect(outcome, {.max_tokens = kAnswer},
               {.on_token = [&](std::int32_t) { ++told; }, .cancelled = [&] { return told == 2; }}, 2,
               FinishReason::cancelled);
  return outcome;
}

Outcome conversation(const GoldenSubject& subject) {
  Outcome outcome;
  const auto& golden = subject.golden;
  if (golden.greedy.empty()) {
    outcome.skipped = "the golden has no greedy continuation: its context may differ when it grows";
    return outcome;
  }
  const auto model = subject.build({.threads = 1, .precision = Precision::exact});
  auto history = golden.input_ids[0];
  const GenerationConfig config{.max_tokens = 4};
  KvCache cache = model.make_cache(golden.tokens + 2 * config.max_tokens + 2, 1);
  const auto sequence = cache.create();
  const auto turn = [&] { return generate(model.model(), cache, sequence, model.device(), history, config).tokens; };
  const auto answer = turn();
  history.insert(history.end(), answer.begin(), answer.end());
  history.insert(history.end(), {golden.input_ids[0][1], golden.input_ids[0][0]});
  outcome.expect(turn() == run(model, history, config),
                 "the second answer of a conversation is not the answer to its whole text");
  return outcome;
}

Outcome sampling(const GoldenSubject& subject) {
  Outcome outcome;
  const GenerationConfig config{.sampling = {.temperature = 0.8, .top_k = 20, .top_p = 0.95, .seed = 7},
                                .max_tokens = kAnswer};
  const auto sample = [&](int threads) {
    return run(subject.build({.threads = threads}), subject.golden.input_ids[0], config);
  };
  const auto want = sample(1);
  outcome.expect(want.size() == kAnswer, "fewer tokens than asked for");
  outcome.expect(sample(1) == want, "the same seed gives other tokens");
  outcome.expect(sample(2) == want, "the same seed gives other tokens with 2 threads");
  return outcome;
}

constexpr std::array kGenerationCases{GoldenCase{"greedy", greedy}, GoldenCase{"stop_conditions", stop_conditions},
                                      GoldenCase{"conversation", conversation}, GoldenCase{"sampling", sampling}};

}  // namespace

std::span<const GoldenCase> generation_cases() { return kGenerationCases; }

}  // namespace ttt::inline v2::testing
