#include <algorithm>
#include <nlohmann/json.hpp>

#include "forward_all.h"
#include "ttt/core/error.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/golden.h"

namespace ttt::app {
namespace {

struct Options {
  CommonOptions common;
  std::string golden;
  double min_pcc = 0.999;
};

struct Score {
  std::vector<float> logits;
  std::int64_t top1 = 0, top5 = 0, greedy_match = 0, greedy_total = 0;
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

void score_row(const LoadedModel& loaded, Step& step, const testing::Golden& golden, std::size_t row, Score& score) {
  const auto sequence = step.cache().create();
  const auto got = forward_all(loaded.model, step, sequence, golden.input_ids[row]);
  const auto want = golden.logits_of(static_cast<std::int64_t>(row));
  const auto width = static_cast<std::size_t>(golden.vocab_size);
  std::int32_t next = 0;
  for (std::size_t first = 0; first < got.size(); first += width) {
    const auto best = argmax(want.subspan(first, width));
    const auto mine = std::span(got).subspan(first, width);
    next = argmax(mine);
    score.top1 += next == best;
    score.top5 += in_top5(mine, best);
  }
  score.logits.insert(score.logits.end(), got.begin(), got.end());
  if (golden.greedy.empty()) return;
  score.greedy_total += static_cast<std::int64_t>(golden.greedy[row].size());
  score.greedy_match += count_greedy(loaded.model, step, sequence, next, golden.greedy[row]);
}

void run(const Options& o) {
  const auto golden = testing::Golden::load(o.golden);
  const auto extra = golden.greedy.empty() ? 0 : static_cast<std::int64_t>(golden.greedy[0].size());
  auto loaded = load_model(o.common, {.tokens = golden.tokens + extra,
                                      .sequences = static_cast<int>(golden.batch),
                                      .logit_rows = golden.tokens});
  if (golden.vocab_size != loaded.model.vocab_size())
    throw Error(o.golden, "logits have another vocabulary than the model");
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  Score score;
  for (std::size_t row = 0; row < golden.input_ids.size(); ++row) score_row(loaded, step, golden, row, score);
  const auto agreement = testing::compare(score.logits, golden.logits.values<float>());
  const auto positions = static_cast<double>(golden.batch * golden.tokens);
  const nlohmann::ordered_json json{{"pcc", agreement.pcc},
                                    {"max_abs_diff", agreement.max_abs_diff},
                                    {"top1", static_cast<double>(score.top1) / positions},
                                    {"top5", static_cast<double>(score.top5) / positions},
                                    {"greedy_match", score.greedy_match},
                                    {"greedy_total", score.greedy_total}};
  std::string text;
  for (const auto& [key, value] : json.items()) text += key + " " + value.dump() + "\n";
  print_result(o.common.json ? json.dump(2) + "\n" : text);
  if (!(agreement.pcc >= o.min_pcc)) throw Error(o.golden, "pcc is below --min-pcc");
  if (score.greedy_match != score.greedy_total) throw Error(o.golden, "greedy tokens differ");
}

}  // namespace

void add_compare(CLI::App& app) {
  auto* verb = app.add_subcommand("compare", "Compares a model with what a reference computed");
  auto o = std::make_shared<Options>();
  o->common.add_to(*verb);
  verb->add_option("--golden", o->golden, "safetensors with input_ids, logits and perhaps greedy")->required();
  verb->add_option("--min-pcc", o->min_pcc, "least correlation that passes");
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
