#include <cmath>
#include <nlohmann/json.hpp>

#include "forward_all.h"
#include "text.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

struct Options {
  CommonOptions common;
  std::string file;
};

double negative_log_likelihood(std::span<const float> logits, std::int32_t id) {
  const double top = logits[static_cast<std::size_t>(argmax(logits))];
  double sum = 0;
  for (const auto value : logits) sum += std::exp(static_cast<double>(value) - top);
  return top + std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(id)]);
}

void run(const Options& o) {
  const auto context = o.common.context ? o.common.context : 512;
  auto loaded = load_model(o.common, {.tokens = context, .logit_rows = context});
  const auto text = open_text(loaded.checkpoint);
  const auto ids = text->encode(read_text(o.file), true);
  // A tokenizer that starts every text with a token of its own starts each window with it too.
  const auto start = text->encode("", true);
  const auto window = static_cast<std::size_t>(context);
  if (ids.size() < 2 * window) throw RequestError(o.file, "has fewer tokens than two windows");
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  double total = 0;
  std::int64_t scored = 0;
  for (std::size_t first = 0; first + window <= ids.size(); first += window) {
    std::vector<std::int32_t> part(ids.begin() + static_cast<std::ptrdiff_t>(first),
                                   ids.begin() + static_cast<std::ptrdiff_t>(first + window));
    if (!start.empty()) part[0] = start[0];
    const auto sequence = cache.create();
    const auto logits = forward_all(loaded.model, step, sequence, part);
    cache.drop(sequence);
    const auto width = static_cast<std::size_t>(loaded.model.vocab_size());
    for (auto i = window / 2; i + 1 < window; ++i, ++scored)
      total += negative_log_likelihood(std::span(logits).subspan(i * width, width), part[i + 1]);
  }
  const auto perplexity = std::exp(total / static_cast<double>(scored));
  const nlohmann::ordered_json json{{"perplexity", perplexity}, {"scored_tokens", scored}, {"ctx", context}};
  print_result(o.common.json ? json.dump(2) + "\n" : std::to_string(perplexity) + "\n");
}

}  // namespace

void add_perplexity(CLI::App& app) {
  auto* verb = app.add_subcommand("perplexity", "Perplexity of a text, comparable with llama.cpp's");
  auto o = std::make_shared<Options>();
  o->common.add_to(*verb);
  verb->add_option("--file", o->file, "the text; - for stdin")->required();
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
