#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "forward_rows.h"
#include "progress_bar.h"
#include "text.h"
#include "ttt/core/error.h"
#include "verbs.h"

namespace ttt::app {
namespace {

double negative_log_likelihood(std::span<const float> logits, std::int32_t id) {
  const double top = logits[static_cast<std::size_t>(argmax(logits))];
  double sum = 0;
  for (const auto value : logits) sum += std::exp(static_cast<double>(value) - top);
  return top + std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(id)]);
}

/// The token that the tokenizer puts before every text, if it does.
std::optional<std::int32_t> leading_special(const Text& text) {
  const auto plain = text.encode("a", false), special = text.encode("a", true);
  const auto found = std::ranges::search(special, plain);
  if (found.begin() == special.begin() || special.empty()) return std::nullopt;
  return special.front();
}

struct Score {
  double perplexity;
  std::int64_t scored_tokens, windows;
};

Score score(const LoadedModel& loaded, const Text& text, std::span<const std::int32_t> ids, std::size_t window) {
  const auto start = leading_special(text);
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  ProgressBar bar("scoring");
  double total = 0;
  Score score{};
  for (std::size_t first = 0; first + window <= ids.size(); first += window, ++score.windows) {
    bar.update(first, ids.size());
    std::vector<std::int32_t> part(ids.begin() + static_cast<std::ptrdiff_t>(first),
                                   ids.begin() + static_cast<std::ptrdiff_t>(first + window));
    if (start) part[0] = *start;
    const auto sequence = cache.create();
    // The last token's logits are about the next window.
    forward_rows(loaded.model, step, sequence, part, window / 2, [&](std::size_t i, std::span<const float> logits) {
      if (i + 1 == window) return;
      total += negative_log_likelihood(logits, part[i + 1]);
      ++score.scored_tokens;
    });
    cache.drop(sequence);
  }
  score.perplexity = std::exp(total / static_cast<double>(score.scored_tokens));
  return score;
}

}  // namespace

void run_perplexity(const PerplexityOptions& o) {
  const auto context = o.common.context;
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto text = open_text(checkpoint);
  const auto ids = text->encode(read_text(o.file), true);
  if (static_cast<std::int64_t>(ids.size()) < context)
    throw RequestError(o.file, fmt::format("has {} tokens, fewer than a window of {}; use a longer text or a smaller "
                                           "--ctx",
                                           ids.size(), context));
  const auto loaded =
      load_model(checkpoint, o.common,
                 {.tokens = context, .length = CacheNeed::Length::fixed, .logit_rows = context - context / 2});
  check_ids(ids, loaded.model);
  const auto result = score(loaded, *text, ids, static_cast<std::size_t>(context));
  if (!std::isfinite(result.perplexity)) throw Error(o.common.model, "the perplexity is not a finite number");
  print_result(o.common.json ? to_text({{"perplexity", result.perplexity},
                                        {"scored_tokens", result.scored_tokens},
                                        {"windows", result.windows},
                                        {"ctx", context}})
                             : fmt::format("{:.4f}\n", result.perplexity));
}

}  // namespace ttt::app
