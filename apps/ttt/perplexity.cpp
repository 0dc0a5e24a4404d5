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

/// log(sum(exp(logits))): what turns logits into log-probabilities.
double log_sum_exp(std::span<const float> logits) {
  const double top = logits[static_cast<std::size_t>(argmax(logits))];
  double sum = 0;
  for (const auto value : logits) sum += std::exp(static_cast<double>(value) - top);
  return top + std::log(sum);
}

double negative_log_likelihood(std::span<const float> logits, std::int32_t id) {
  return log_sum_exp(logits) - static_cast<double>(logits[static_cast<std::size_t>(id)]);
}

/// KL(p || q) in nats, of the distributions that two rows of logits stand for.
double divergence(std::span<const float> p, std::span<const float> q) {
  const double p_norm = log_sum_exp(p), q_norm = log_sum_exp(q);
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double log_p = static_cast<double>(p[i]) - p_norm, log_q = static_cast<double>(q[i]) - q_norm;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  return sum;
}

/// The token that the tokenizer puts before every text, if it does.
std::optional<std::int32_t> leading_special(const Text& text) {
  const auto plain = text.encode("a", false), special = text.encode("a", true);
  const auto found = std::ranges::search(special, plain);
  if (found.begin() == special.begin() || special.empty()) return std::nullopt;
  return special.front();
}

/// Reads one window of a text after the other.
class WindowReader {
 public:
  explicit WindowReader(const LoadedModel& loaded)
      : model_(loaded.model), cache_(loaded.make_cache()), step_(cache_, *loaded.device) {}

  /// Visits what the model says of each token in the window's second half.
  void read(std::span<const std::int32_t> window, const LogitVisitor& visit) {
    const auto sequence = cache_.create();
    forward_rows(model_, step_, sequence, window, window.size() / 2, [&](std::size_t i, std::span<const float> logits) {
      // The last token's logits are about the next window.
      if (i + 1 < window.size()) visit(i + 1, logits);
    });
    cache_.drop(sequence);
  }

 private:
  const CausalLM& model_;
  KvCache cache_;
  Step step_;
};

/// Sums over the scored tokens.
struct Score {
  double negative_log_likelihood = 0;
  std::int64_t scored_tokens = 0, windows = 0;
  // With a reference only.
  double reference_negative_log_likelihood = 0, divergence = 0;
  std::int64_t same_top = 0;

  double mean(double sum) const { return sum / static_cast<double>(scored_tokens); }
  double perplexity() const { return std::exp(mean(negative_log_likelihood)); }
};

/// Compares each row of the model's with the reference's.
void score_window(std::span<const std::int32_t> window, WindowReader& model, WindowReader* reference, Score& score) {
  std::vector<float> expected;
  if (reference != nullptr)
    reference->read(window, [&](std::size_t, std::span<const float> logits) {
      expected.insert(expected.end(), logits.begin(), logits.end());
    });
  std::size_t row = 0;
  model.read(window, [&](std::size_t i, std::span<const float> logits) {
    score.negative_log_likelihood += negative_log_likelihood(logits, window[i]);
    ++score.scored_tokens;
    if (reference == nullptr) return;
    const auto wanted = std::span<const float>(expected).subspan(row++ * logits.size(), logits.size());
    score.reference_negative_log_likelihood += negative_log_likelihood(wanted, window[i]);
    score.divergence += divergence(wanted, logits);
    score.same_top += argmax(wanted) == argmax(logits);
  });
}

Score score_text(const LoadedModel& loaded, const LoadedModel* reference, const Text& text,
                 std::span<const std::int32_t> ids, std::size_t window) {
  const auto start = leading_special(text);
  WindowReader model(loaded);
  std::optional<WindowReader> judge;
  if (reference != nullptr) judge.emplace(*reference);
  ProgressBar bar("scoring");
  Score score;
  for (std::size_t first = 0; first + window <= ids.size(); first += window, ++score.windows) {
    bar.update(first, ids.size());
    const auto part = ids.subspan(first, window);
    std::vector<std::int32_t> tokens(part.begin(), part.end());
    if (start) tokens[0] = *start;
    score_window(tokens, model, judge ? &*judge : nullptr, score);
  }
  return score;
}

/// The reference as exactly as it can be computed.
CommonOptions reference_options(const PerplexityOptions& o) {
  CommonOptions common = o.common;
  common.model = o.reference;
  common.precision = "exact";
  common.kv_dtype = "f32";
  common.quantize = "none";
  common.weight_formats = {};
  return common;
}

std::optional<LoadedModel> load_reference(const PerplexityOptions& o, const CacheNeed& need, const CausalLM& model) {
  if (o.reference.empty()) return std::nullopt;
  auto reference = load_model(Checkpoint::open(o.reference), reference_options(o), need);
  if (reference.model.vocab_size() != model.vocab_size())
    throw RequestError(o.reference, fmt::format("has a vocabulary of {} tokens, {} one of {}; expected the same model",
                                                reference.model.vocab_size(), o.common.model, model.vocab_size()));
  return reference;
}

void print_score(const PerplexityOptions& o, const Score& score, std::int64_t context) {
  nlohmann::ordered_json json{{"perplexity", score.perplexity()},
                              {"scored_tokens", score.scored_tokens},
                              {"windows", score.windows},
                              {"ctx", context}};
  auto plain = fmt::format("{:.4f}\n", score.perplexity());
  if (!o.reference.empty()) {
    const double perplexity = std::exp(score.mean(score.reference_negative_log_likelihood));
    const double divergence = score.mean(score.divergence), same = score.mean(static_cast<double>(score.same_top));
    json["reference_perplexity"] = perplexity;
    json["kl_divergence"] = divergence;
    json["same_top"] = same;
    plain += fmt::format("reference {:.4f}, divergence {:.6f} nats a token, same best token {:.2f}%\n", perplexity,
                         divergence, 100 * same);
  }
  print_result(o.common.json ? to_text(json) : plain);
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
  const CacheNeed need{.tokens = context, .length = CacheNeed::Length::fixed, .logit_rows = context - context / 2};
  const auto loaded = load_model(checkpoint, o.common, need);
  check_ids(ids, loaded.model);
  const auto reference = load_reference(o, need, loaded.model);
  const auto score =
      score_text(loaded, reference ? &*reference : nullptr, *text, ids, static_cast<std::size_t>(context));
  if (!std::isfinite(score.perplexity())) throw Error(o.common.model, "the perplexity is not a finite number");
  print_score(o, score, context);
}

}  // namespace ttt::app
