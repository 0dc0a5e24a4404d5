/// Against what tools/goldens/make_text_goldens.py had Hugging Face's tokenizers and jinja2 say.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "ttt/core/error.h"
#include "ttt/text/chat_template.h"
#include "ttt/text/streaming_decoder.h"
#include "ttt/text/tokenizer.h"

namespace ttt {
namespace {

using Json = nlohmann::ordered_json;

Json golden(const std::string& name) {
  std::ifstream in(std::string(TTT_TEXT_GOLDENS) + "/" + name + ".json");
  return Json::parse(in);
}

using Ids = std::vector<std::int32_t>;

void expect_answers(const Tokenizer& tokenizer, const Json& texts, const Json& answers, AddSpecial add_special) {
  ASSERT_EQ(texts.size(), answers["ids"].size());
  for (std::size_t n = 0; n < texts.size(); ++n) {
    const auto text = texts[n].get<std::string>();
    const auto ids = tokenizer.encode(text, add_special);
    EXPECT_EQ(ids, answers["ids"][n].get<Ids>()) << "text " << n << ": '" << text << "'";
    if (!answers.contains("decoded")) continue;
    const auto decoded = answers["decoded"].value(std::to_string(n), text);
    EXPECT_EQ(tokenizer.decode(ids, SkipSpecial::no), decoded);
    StreamingDecoder stream(tokenizer, SkipSpecial::no);
    std::string streamed;
    for (const auto id : ids) streamed += stream.push(id);
    EXPECT_EQ(streamed + stream.flush(), decoded) << "streamed";
  }
}

TEST(TextGoldens, ByteLevelBpe) {
  const auto all = golden("byte_level");
  GgufVocabulary vocabulary;
  vocabulary.model = "gpt2";
  vocabulary.tokens = all["tokens"].get<std::vector<std::string>>();
  vocabulary.merges = all["merges"].get<std::vector<std::string>>();
  vocabulary.token_types.assign(vocabulary.tokens.size(), 1);
  vocabulary.token_types[all["end"].get<std::size_t>()] = 3;
  for (const auto& [name, answers] : all["cases"].items()) {
    SCOPED_TRACE(name);
    vocabulary.pre = name;
    expect_answers(Tokenizer::from_gguf(vocabulary, "test"), all["texts"], answers, AddSpecial::no);
  }
}

TEST(TextGoldens, SentencePiece) {
  const auto all = golden("sentencepiece");
  GgufVocabulary vocabulary;
  vocabulary.model = "llama";
  vocabulary.tokens = all["tokens"].get<std::vector<std::string>>();
  vocabulary.scores = all["scores"].get<std::vector<double>>();
  vocabulary.token_types = all["types"].get<std::vector<std::int64_t>>();
  vocabulary.unk = 0;
  vocabulary.bos = 1;
  for (const auto& [name, answers] : all["cases"].items()) {
    SCOPED_TRACE(name);
    vocabulary.add_space_prefix = name == "prefix";
    expect_answers(Tokenizer::from_gguf(vocabulary, "test"), all["texts"], answers, AddSpecial::no);
  }
}

TEST(TextGoldens, WordPiece) {
  const auto all = golden("wordpiece");
  GgufVocabulary vocabulary;
  vocabulary.model = "bert";
  vocabulary.tokens = all["tokens"].get<std::vector<std::string>>();
  vocabulary.token_types = all["types"].get<std::vector<std::int64_t>>();
  vocabulary.unk = 1;
  vocabulary.cls = 2;
  vocabulary.sep = 3;
  expect_answers(Tokenizer::from_gguf(vocabulary, "test"), all["texts"], all["cases"]["bert"], AddSpecial::yes);
}

TEST(TextGoldens, ChatTemplates) {
  const auto all = golden("templates");
  int number = 0;
  for (const auto& entry : all["cases"]) {
    SCOPED_TRACE("case " + std::to_string(number++) + " of " + entry["template"].get<std::string>());
    const ChatTemplate chat(all["templates"][entry["template"].get<std::string>()].get<std::string>(), "<s>", "</s>");
    if (entry.contains("rendered")) {
      EXPECT_EQ(chat.render_json(entry["variables"].dump()), entry["rendered"].get<std::string>());
    } else {
      EXPECT_THROW(chat.render_json(entry["variables"].dump()), Error) << entry["error"];
    }
  }
  EXPECT_GT(number, 50);
}

}  // namespace
}  // namespace ttt
