#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model_loader.h"
#include "text.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

struct Options {
  CommonOptions common;
  std::string file;
  std::vector<std::string> texts;
  Pooling pooling = Pooling::mean;
};

/// The texts given, or the lines of the file (stdin for "-").
std::vector<std::string> read_texts(const Options& o) {
  if (!o.texts.empty()) return o.texts;
  std::istringstream lines(read_text(o.file.empty() ? "-" : o.file));
  std::vector<std::string> texts;
  for (std::string line; std::getline(lines, line);) texts.push_back(line);
  if (texts.empty()) throw RequestError("embed", "there is no text; give some with --text, --file or on stdin");
  return texts;
}

void run(const Options& o) {
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto text = open_text(checkpoint);
  std::vector<std::vector<std::int32_t>> rows;
  std::size_t longest = 1;
  for (const auto& t : read_texts(o)) longest = std::max(longest, rows.emplace_back(text->encode(t, true)).size());
  const auto loaded = load_encoder(checkpoint, o.common,
                                   {.tokens = static_cast<std::int64_t>(longest), .length = CacheNeed::Length::fixed});
  auto cache = loaded.make_cache();
  Step step(cache, *loaded.device);
  auto vectors = nlohmann::ordered_json::array();
  std::string plain;
  for (const auto& ids : rows) {
    const auto sequence = cache.create();
    step.clear();
    step.add(sequence, ids, LogitRows::none);
    const auto pooled = loaded.model.pool(step, loaded.model.forward(step), o.pooling);
    const std::vector<float> vector(pooled.row(0), pooled.row(0) + pooled.cols);
    plain += fmt::format("{}\n", fmt::join(vector, " "));
    vectors.push_back(vector);
    cache.drop(sequence);
  }
  print_result(o.common.json ? to_text({{"size", loaded.model.hidden_size()}, {"embeddings", vectors}}) : plain);
}

}  // namespace

void add_embed(CLI::App& app) {
  auto* verb = app.add_subcommand("embed", "Prints a vector of length 1 for each text, by an encoder");
  auto o = std::make_shared<Options>();
  o->common.add_to(*verb);
  auto* texts = verb->add_option("--text", o->texts, "a text (again for more)");
  verb->add_option("--file", o->file, "a text a line; - is stdin, as is leaving it out")->excludes(texts);
  const std::map<std::string, Pooling> poolings{{"mean", Pooling::mean}, {"cls", Pooling::first}};
  verb->add_option("--pooling", o->pooling, "mean of the tokens, or the first (cls)")
      ->transform(CLI::CheckedTransformer(poolings));
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
