/// Answers tools/text/check_corpora.py: a JSON document on stdin, its answers on stdout.
///   {"tokenizer": FILE, "texts": [...]}           ids, decoded text and streamed text of each text
///   {"vocabulary": {...}, "texts": [...]}         the same for the values of tokenizer.ggml.*
///   {"template": TEXT, "cases": [variables...]}   {"rendered": ...} or {"error": ...} of each
#include <iostream>
#include <nlohmann/json.hpp>

#include "ttt/core/error.h"
#include "ttt/text/chat_template.h"
#include "ttt/text/streaming_decoder.h"
#include "ttt/text/tokenizer.h"

namespace {

using Json = nlohmann::ordered_json;

ttt::Tokenizer tokenizer(const Json& question) {
  if (question.contains("tokenizer")) return ttt::Tokenizer::from_file(question["tokenizer"].get<std::string>());
  const auto& in = question["vocabulary"];
  ttt::GgufVocabulary v;
  v.model = in["model"].get<std::string>();
  v.pre = in.value("pre", "");
  v.tokens = in["tokens"].get<std::vector<std::string>>();
  v.token_types = in["types"].get<std::vector<std::int64_t>>();
  v.scores = in.value("scores", std::vector<double>());
  v.merges = in.value("merges", std::vector<std::string>());
  if (in.contains("bos")) v.bos = in["bos"].get<std::int64_t>();
  if (in.contains("unk")) v.unk = in["unk"].get<std::int64_t>();
  v.add_space_prefix = in.value("add_space_prefix", true);
  return ttt::Tokenizer::from_gguf(v, "vocabulary");
}

Json texts(const Json& question) {
  const auto t = tokenizer(question);
  Json answers = Json::array();
  for (const auto& text : question["texts"]) {
    const auto ids = t.encode(text.get<std::string>(), ttt::AddSpecial::no);
    ttt::StreamingDecoder stream(t, ttt::SkipSpecial::no);
    std::string streamed;
    for (const auto id : ids) streamed += stream.push(id);
    answers.push_back({{"ids", ids},
                       {"special", t.encode(text.get<std::string>(), ttt::AddSpecial::yes)},
                       {"decoded", t.decode(ids, ttt::SkipSpecial::no)},
                       {"streamed", streamed + stream.flush()}});
  }
  return answers;
}

Json templates(const Json& question) {
  const ttt::ChatTemplate chat(question["template"].get<std::string>(), "<s>", "</s>");
  Json answers = Json::array();
  for (const auto& variables : question["cases"]) {
    try {
      answers.push_back({{"rendered", chat.render_json(variables.dump())}});
    } catch (const ttt::Error& e) {
      answers.push_back({{"error", e.what()}});
    }
  }
  return answers;
}

}  // namespace

int main() {
  try {
    const auto question = Json::parse(std::cin);
    std::cout << (question.contains("template") ? templates(question) : texts(question)).dump() << '\n';
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "text_probe: " << e.what() << '\n';
    return 1;
  }
}
