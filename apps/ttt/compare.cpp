#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "forward_rows.h"
#include "progress_bar.h"
#include "ttt/core/error.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/golden.h"
#include "verbs.h"

namespace ttt::app {
namespace {

using testing::Golden;

/// What the model answered to the golden's inputs, row after row.
struct Answers {
  std::vector<float> logits, hidden_0, hidden_last;
  std::optional<std::int64_t> top1 = 0, top5 = 0;
  std::int64_t greedy_match = 0, greedy_total = 0;
};

bool in_top5(std::span<const float> logits, std::int32_t id) {
  const auto value = logits[static_cast<std::size_t>(id)];
  return std::ranges::count_if(logits, [value](float other) { return other > value; }) < 5;
}

// The continuation is greedy whatever the model calls a stop token, as the golden's is.
std::int64_t count_greedy(const CausalLM& model, Step& step, KvCache::Sequence sequence, std::int32_t next,
                          std::span<const std::int32_t> want) {
  std::int64_t matches = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    matches += next == want[i];
    if (i + 1 == want.size()) break;
    step.clear();
    step.add(sequence, {&next, 1});
    const auto logits = model.forward(step);
    next = argmax({logits.row(0), static_cast<std::size_t>(logits.cols)});
  }
  return matches;
}

void append(std::vector<float>& values, ConstMatrix rows) {
  for (std::int64_t r = 0; r < rows.rows; ++r) values.insert(values.end(), rows.row(r), rows.row(r) + rows.cols);
}

void run_row(const CausalLM& model, Step& step, const Golden& golden, std::size_t row, Answers& answers) {
  const auto sequence = step.cache().create();
  const auto want = golden.logits_of(static_cast<std::int64_t>(row));
  const auto width = static_cast<std::size_t>(golden.vocab_size);
  const auto last = static_cast<int>(model.layers.size()) + 1;
  const CausalLM::Hooks hooks{.hidden =
                                  [&](int index, ConstMatrix rows) {
                                    if (index == 0 && golden.hidden_0) append(answers.hidden_0, rows);
                                    if (index == last && golden.hidden_last) append(answers.hidden_last, rows);
                                  },
                              .cancelled = {}};
  std::int32_t next = 0;
  const auto visit = [&](std::size_t position, std::span<const float> got) {
    const auto best = argmax(want.subspan(position * width, width));
    next = argmax(got);
    *answers.top1 += next == best;
    *answers.top5 += in_top5(got, best);
    answers.logits.insert(answers.logits.end(), got.begin(), got.end());
  };
  forward_rows(model, step, sequence, golden.input_ids[row], 0, visit, hooks);
  if (golden.greedy.empty()) return;
  answers.greedy_total += static_cast<std::int64_t>(golden.greedy[row].size());
  answers.greedy_match += count_greedy(model, step, sequence, next, golden.greedy[row]);
}

void check_golden(const Golden& golden, const CausalLM& model, const std::string& where) {
  if (golden.vocab_size != model.vocab_size())
    throw FormatError(where, fmt::format("logits: expected a vocabulary of {} as the model has, got {}",
                                         model.vocab_size(), golden.vocab_size));
  if (!golden.greedy.empty() && golden.greedy.size() != golden.input_ids.size())
    throw FormatError(where, fmt::format("greedy: expected {} rows as input_ids has, got {}", golden.input_ids.size(),
                                         golden.greedy.size()));
  for (const auto& ids : golden.input_ids) check_ids(ids, model);
  const Shape want{golden.batch, golden.tokens, model.hidden_size()};
  for (const auto& [name, tensor] : {std::pair("hidden_0", &golden.hidden_0), {"hidden_last", &golden.hidden_last}})
    if (*tensor && (*tensor)->shape() != want)
      throw FormatError(where, fmt::format("{}: expected {}, got {}", name, want.str(), (*tensor)->shape().str()));
}

/// Numbers JSON can hold: it has no NaN and no infinity.
nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

void report(const CompareOptions& o, const Golden& golden, const Answers& answers) {
  const auto agreement = testing::compare(answers.logits, golden.logits.values<float>());
  const auto positions = static_cast<double>(golden.batch * golden.tokens);
  // An encoder ranks no tokens.
  const auto share = [&](std::optional<std::int64_t> count) {
    return count ? nlohmann::ordered_json(static_cast<double>(*count) / positions) : nlohmann::ordered_json(nullptr);
  };
  nlohmann::ordered_json json{{"pcc", number(agreement.pcc)},         {"max_abs_diff", number(agreement.max_abs_diff)},
                              {"top1", share(answers.top1)},          {"top5", share(answers.top5)},
                              {"greedy_match", answers.greedy_match}, {"greedy_total", answers.greedy_total}};
  std::vector<std::pair<std::string, double>> correlations{{"pcc", agreement.pcc}};
  const auto add_hidden = [&](const std::string& name, std::span<const float> got, const std::optional<Tensor>& want) {
    if (!want || got.empty()) return;  // an encoder's last hidden state is what it answers
    const auto hidden = testing::compare(got, want->values<float>());
    json[name + "_pcc"] = number(hidden.pcc);
    json[name + "_max_abs_diff"] = number(hidden.max_abs_diff);
    correlations.emplace_back(name + "_pcc", hidden.pcc);
  };
  add_hidden("hidden_0", answers.hidden_0, golden.hidden_0);
  add_hidden("hidden_last", answers.hidden_last, golden.hidden_last);
  std::string text;
  for (const auto& [key, value] : json.items()) text += key + " " + value.dump() + "\n";
  print_result(o.common.json ? to_text(json) : text);
  for (const auto& [name, pcc] : correlations)
    if (!(pcc >= o.min_pcc)) throw Error(o.golden, fmt::format("{} {} is below --min-pcc {}", name, pcc, o.min_pcc));
  if (answers.greedy_match != answers.greedy_total)
    throw Error(o.golden, fmt::format("{} of {} greedy tokens differ", answers.greedy_total - answers.greedy_match,
                                      answers.greedy_total));
}

/// An encoder's hidden states, each row of the golden whole.
void run_encoder(const CompareOptions& o, const Checkpoint& checkpoint, const Golden& golden) {
  const auto loaded = load_encoder(
      checkpoint, o.common,
      {.tokens = golden.tokens, .length = CacheNeed::Length::fixed, .sequences = static_cast<int>(golden.batch)});
  if (golden.vocab_size != loaded.model.hidden_size())
    throw FormatError(o.golden, fmt::format("last_hidden_state: expected {} columns as the model has, got {}",
                                            loaded.model.hidden_size(), golden.vocab_size));
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  Answers answers;
  answers.top1 = answers.top5 = std::nullopt;
  for (const auto& ids : golden.input_ids) {
    step.clear();
    step.add(cache.create(), ids, LogitRows::none);
    append(answers.logits, loaded.model.forward(step));
  }
  report(o, golden, answers);
}

}  // namespace

void run_compare(const CompareOptions& o) {
  const auto golden = Golden::load(o.golden);
  const auto extra = golden.greedy.empty() ? 0 : static_cast<std::int64_t>(golden.greedy[0].size());
  const auto checkpoint = Checkpoint::open(o.common.model);
  if (is_encoder(checkpoint)) return run_encoder(o, checkpoint, golden);
  const auto loaded = load_model(checkpoint, o.common,
                                 {.tokens = golden.tokens + extra,
                                  .length = CacheNeed::Length::fixed,
                                  .sequences = static_cast<int>(golden.batch),
                                  .logit_rows = golden.tokens});
  check_golden(golden, loaded.model, o.golden);
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  Answers answers;
  {
    ProgressBar bar("comparing");
    for (std::size_t row = 0; row < golden.input_ids.size(); ++row) {
      bar.update(row, golden.input_ids.size());
      run_row(loaded.model, step, golden, row, answers);
    }
  }
  report(o, golden, answers);
}

}  // namespace ttt::app
