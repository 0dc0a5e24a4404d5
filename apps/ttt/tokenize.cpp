#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "options.h"
#include "text.h"

namespace ttt::app {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> words;
  bool json = false, add_special = false;
};

void run(const Options& o) {
  const auto text = open_text(Checkpoint::open(o.model));
  const auto ids = text->encode(o.words.empty() ? read_text("-") : CLI::detail::join(o.words, " "), o.add_special);
  std::vector<std::string> pieces;
  for (const auto id : ids) pieces.push_back(text->piece(id));
  std::string plain;
  for (const auto id : ids) plain += std::to_string(id) + "\n";
  const nlohmann::ordered_json json{{"ids", ids}, {"pieces", pieces}};
  print_result(o.json ? to_text(json) : plain);
}

}  // namespace

void add_tokenize(CLI::App& app) {
  auto* verb = app.add_subcommand("tokenize", "Prints the token ids of a text");
  auto o = std::make_shared<Options>();
  verb->add_option("--model", o->model, "model folder or GGUF file")->required();
  verb->add_option("text", o->words, "the text, after --; stdin when absent");
  verb->add_flag("--json", o->json, "one JSON document with ids and pieces");
  verb->add_flag("--add-special", o->add_special, "with the special tokens that the tokenizer adds");
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
