#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "model_loader.h"
#include "text.h"
#include "ttt/core/error.h"
#include "verbs.h"

namespace ttt::app {
namespace {

/// The texts given, or the lines of the file (stdin for "-").
std::vector<std::string> read_texts(const EmbedOptions& o) {
  if (!o.texts.empty()) return o.texts;
  std::istringstream lines(read_text(o.file.empty() ? "-" : o.file));
  std::vector<std::string> texts;
  for (std::string line; std::getline(lines, line);) texts.push_back(line);
  if (texts.empty()) throw RequestError("embed", "there is no text; give some with --text, --file or on stdin");
  return texts;
}

}  // namespace

void run_embed(const EmbedOptions& o) {
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

}  // namespace ttt::app
