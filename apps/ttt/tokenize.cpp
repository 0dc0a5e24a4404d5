#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "text.h"
#include "verbs.h"

namespace ttt::app {
void run_tokenize(const TokenizeOptions& o) {
  const auto text = open_text(Checkpoint::open(o.model));
  const auto ids =
      text->encode(o.words.empty() ? read_text("-") : fmt::format("{}", fmt::join(o.words, " ")), o.add_special);
  std::vector<std::string> pieces;
  for (const auto id : ids) pieces.push_back(text->piece(id));
  std::string plain;
  for (const auto id : ids) plain += std::to_string(id) + "\n";
  const nlohmann::ordered_json json{{"ids", ids}, {"pieces", pieces}};
  print_result(o.json ? to_text(json) : plain);
}

}  // namespace ttt::app
