#include <gtest/gtest.h>

#include <limits>

#include "ttt/core/error.h"
#include "ttt/text/chat_template.h"
#include "ttt/text/gguf_vocabulary.h"
#include "ttt/text/streaming_decoder.h"
#include "ttt/text/tokenizer.h"

namespace ttt {
namespace {

/// The 256 symbols of byte-level BPE, in order of byte.
std::vector<std::string> byte_symbols() {
  std::vector<std::string> symbols;
  int extra = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code = printable ? byte : 256 + extra++;
    symbols.push_back(code < 128
                          ? std::string(1, static_cast<char>(code))
                          : std::string{static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))});
  }
  return symbols;
}

GgufVocabulary byte_vocabulary(std::string pre) {
  GgufVocabulary v{.model = "gpt2",
                   .pre = std::move(pre),
                   .tokens = byte_symbols(),
                   .token_types = {},
                   .scores = {},
                   .merges = {"1 2", "h e"},
                   .bos = 258,
                   .eos = 259,
                   .unk = {},
                   .cls = {},
                   .sep = {},
                   .add_bos = {}};
  v.tokens.insert(v.tokens.end(), {"12", "he", "<s>", "</s>"});
  v.token_types.assign(v.tokens.size(), 1);
  v.token_types[258] = v.token_types[259] = 3;
  return v;
}

TEST(GgufTokenizer, RoundTripsAnyText) {
  for (const char* pre : {"default", "smollm", "llama-bpe", "stablelm2", "viking", "gpt-4o", "tekken", "deepseek-v3",
                          "deepseek-llm", "deepseek-coder", "falcon"}) {
    const auto tokenizer = Tokenizer::from_gguf(byte_vocabulary(pre), "test");
    for (const std::string text :
         {"", "hello 12", "na\xC3\xAFve \xF0\x9F\x98\x80\r\n\ttabs", "\xE2\x80\x8D 12345 e\xCC\x81"})
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, AddSpecial::no), SkipSpecial::no), text) << pre;
  }
}

TEST(GgufTokenizer, ComposesCharactersWhereTheModelsWereTrainedSo) {
  const auto tokenizer = Tokenizer::from_gguf(byte_vocabulary("qwen2"), "test");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("e\xCC\x81", AddSpecial::no), SkipSpecial::no), "\xC3\xA9");
}

TEST(GgufTokenizer, KeepsAPieceThatIsATokenWhole) {
  auto v = byte_vocabulary("llama-bpe");
  v.tokens.push_back("hex");  // no merge leads to it
  v.token_types.push_back(1);
  EXPECT_EQ(Tokenizer::from_gguf(v, "test").encode("hex", AddSpecial::no), (std::vector<std::int32_t>{260}));
  v.pre = "dbrx";
  EXPECT_EQ(Tokenizer::from_gguf(v, "test").encode("hex", AddSpecial::no), (std::vector<std::int32_t>{257, 'x'}));
}

TEST(GgufTokenizer, AddsBosWhereTheFormatDoes) {
  auto v = byte_vocabulary("llama-bpe");
  EXPECT_EQ(Tokenizer::from_gguf(v, "test").encode("he", AddSpecial::yes), (std::vector<std::int32_t>{258, 257}));
  v.add_bos = false;
  EXPECT_EQ(Tokenizer::from_gguf(v, "test").encode("he", AddSpecial::yes), (std::vector<std::int32_t>{257}));
}

TEST(GgufTokenizer, CutsWordsIntoPieces) {
  const std::string first = "\xE2\x96\x81";
  GgufVocabulary v{.model = "bert",
                   .pre = {},
                   .tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", first + "un", "afford", "able", first + "cafe",
                              first + "!", first + "afford"},
                   .token_types = {3, 3, 3, 3, 1, 1, 1, 1, 1, 1},
                   .scores = {},
                   .merges = {},
                   .bos = 2,
                   .eos = 3,
                   .unk = 1,
                   .cls = {},
                   .sep = {},
                   .add_bos = {}};
  const auto tokenizer = Tokenizer::from_gguf(v, "test");
  EXPECT_EQ(tokenizer.encode("Unaffordable caf\xC3\xA9!", AddSpecial::yes),
            (std::vector<std::int32_t>{2, 4, 5, 6, 7, 8, 3}));
  EXPECT_EQ(tokenizer.encode("afford xyz", AddSpecial::no), (std::vector<std::int32_t>{9, 1}));
}

TEST(TokenizerFile, PaddingAndTruncationAreNobodysButTheTrainers) {
  const std::string json =
      R"({"version":"1.0","truncation":{"direction":"Right","max_length":2,"strategy":"LongestFirst","stride":0},
    "padding":{"strategy":{"Fixed":8},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"a"},
    "added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
    "model":{"type":"WordLevel","vocab":{"a":0,"b":1},"unk_token":"a"}})";
  EXPECT_EQ(Tokenizer::from_json(json, "test").encode("b b b", AddSpecial::yes), (std::vector<std::int32_t>{1, 1, 1}));
}

TEST(GgufTokenizer, SplitsDigitsAsThePreTokenizerSays) {
  EXPECT_EQ(Tokenizer::from_gguf(byte_vocabulary("smollm"), "test").encode("12", AddSpecial::no),
            (std::vector<std::int32_t>{'1', '2'}));
  EXPECT_EQ(Tokenizer::from_gguf(byte_vocabulary("default"), "test").encode("12", AddSpecial::no),
            (std::vector<std::int32_t>{256}));
}

TEST(GgufTokenizer, RecognisesSpecialTokensAndAddsThemWhenAsked) {
  auto v = byte_vocabulary("default");
  v.add_bos = true;
  const auto tokenizer = Tokenizer::from_gguf(v, "test");
  EXPECT_EQ(tokenizer.encode("he</s>", AddSpecial::no), (std::vector<std::int32_t>{257, 259}));
  EXPECT_EQ(tokenizer.encode("he", AddSpecial::yes), (std::vector<std::int32_t>{258, 257}));
  EXPECT_EQ(tokenizer.decode(std::vector<std::int32_t>{258, 257}, SkipSpecial::yes), "he");
}

TEST(GgufTokenizer, SentencePieceMergesByScoreAndFallsBackToBytes) {
  GgufVocabulary v{.model = "llama",
                   .pre = {},
                   .tokens = {"<unk>", "<s>", "</s>"},
                   .token_types = {2, 3, 3},
                   .scores = {0, 0, 0},
                   .merges = {},
                   .bos = 1,
                   .eos = 2,
                   .unk = 0,
                   .cls = {},
                   .sep = {},
                   .add_bos = true};
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    v.tokens.push_back(name);
    v.token_types.push_back(6);
    v.scores.push_back(0);
  }
  for (const auto& [token, score] : std::vector<std::pair<std::string, double>>{{"ab", -1},
                                                                                {"bc", -2},
                                                                                {"\xE2\x96\x81", -10},
                                                                                {"a", -11},
                                                                                {"b", -12},
                                                                                {"c", -13},
                                                                                {"\xE2\x96\x81"
                                                                                 "ab",
                                                                                 -3}}) {
    v.tokens.push_back(token);
    v.token_types.push_back(1);
    v.scores.push_back(score);
  }
  const auto tokenizer = Tokenizer::from_gguf(v, "test");
  EXPECT_EQ(tokenizer.encode("abc", AddSpecial::yes), (std::vector<std::int32_t>{1, 265, 264}));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("abc \xC3\xA9", AddSpecial::no), SkipSpecial::no), "abc \xC3\xA9");
}

TEST(GgufTokenizer, RejectsWhatItDoesNotKnow) {
  EXPECT_THROW(Tokenizer::from_gguf(byte_vocabulary("no-such-pre"), "test"), FormatError);
  auto v = byte_vocabulary("default");
  v.model = "wordpiece?";
  EXPECT_THROW(Tokenizer::from_gguf(v, "test"), FormatError);
  v = byte_vocabulary("default");
  v.merges = {"nospace"};
  EXPECT_THROW(Tokenizer::from_gguf(v, "test"), FormatError);
  v = byte_vocabulary("default");
  v.add_bos = true;
  v.bos = 99999;
  EXPECT_THROW(Tokenizer::from_gguf(v, "test"), FormatError);
  v = byte_vocabulary("default");
  v.tokens[7] = v.tokens[8];
  EXPECT_THROW(Tokenizer::from_gguf(v, "test"), FormatError);
  v = byte_vocabulary("default");
  v.model = "bert";
  v.token_types.clear();
  EXPECT_THROW(Tokenizer::from_gguf(v, "test"), FormatError);
  v = byte_vocabulary("default");
  v.model = "llama";
  v.scores.assign(v.tokens.size(), std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(Tokenizer::from_gguf(v, "test"), FormatError);
  EXPECT_THROW(Tokenizer::from_json("{", "test"), FormatError);
  const auto tokenizer = Tokenizer::from_gguf(byte_vocabulary("default"), "test");
  EXPECT_THROW(tokenizer.encode("\xFF", AddSpecial::no), Error);
  EXPECT_THROW(tokenizer.piece(100000), Error);
  EXPECT_THROW(tokenizer.decode(std::vector<std::int32_t>{-1}, SkipSpecial::no), Error);
}

TEST(StreamingDecoder, NeverEndsWithinACharacter) {
  const auto tokenizer = Tokenizer::from_gguf(byte_vocabulary("default"), "test");
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 he 12";
  StreamingDecoder decoder(tokenizer, SkipSpecial::yes);
  std::string all;
  for (const auto id : tokenizer.encode(text, AddSpecial::no)) {
    const std::string part = decoder.push(id);
    all += part;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(part, AddSpecial::no), SkipSpecial::no), part) << "valid UTF-8";
  }
  EXPECT_EQ(all + decoder.flush(), text);
  EXPECT_EQ(decoder.push(0xC3), "");
  EXPECT_EQ(decoder.flush(), "\xEF\xBF\xBD");
}

std::string render(const std::string& source, const std::string& variables = R"({"messages": []})") {
  return ChatTemplate(source, "<s>", "</s>").render_json(variables);
}

TEST(ChatTemplate, RendersAsJinjaDoes) {
  const std::vector<ChatMessage> messages{{"system", "Be brief."}, {"user", "Hi \"there\""}};
  const ChatTemplate chat(
      "{{ bos_token }}\n{% for m in messages %}\n  {% if loop.first %}\n[{{ m['role'] | upper }}]\n  {% "
      "endif %}\n"
      "{{ m.content.strip() }}{{ eos_token }}\n{% endfor %}\n{% if add_generation_prompt %}A:{% endif %}",
      "<s>", "</s>");
  EXPECT_EQ(chat.render(messages, AddGenerationPrompt::yes), "<s>\n[SYSTEM]\nBe brief.</s>\nHi \"there\"</s>\nA:");
  EXPECT_EQ(chat.render(messages, AddGenerationPrompt::no), "<s>\n[SYSTEM]\nBe brief.</s>\nHi \"there\"</s>\n");
}

TEST(ChatTemplate, WritesJsonAsPythonDoes) {
  EXPECT_EQ(render("{{ x | tojson }}", R"({"x": {"b": [1, 2.0, 1e20, true, null], "a": "é<"}})"),
            R"({"b": [1, 2.0, 1e+20, true, null], "a": "é<"})");
  EXPECT_EQ(render("{{ x | tojson(indent=2) }}", R"({"x": {"a": [1], "b": []}})"),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}");
  EXPECT_EQ(render("{{ x | tojson(ensure_ascii=true) }}", R"({"x": "é"})"), R"("\u00e9")");
}

TEST(ChatTemplate, KnowsTransformersExtras) {
  EXPECT_EQ(render("{% generation %}\nx{% endgeneration %}\ny"), "xy");
  EXPECT_EQ(render("{% set n = namespace(i=0) %}{% for k in [1, 2] %}{% set n.i = n.i + k %}{% endfor %}{{ n.i }}"),
            "3");
  EXPECT_EQ(render("{{ strftime_now('%Y') | length }}"), "4");
  try {
    render("{{ raise_exception('roles must alternate') }}");
    FAIL() << "the template's own error must surface";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("roles must alternate"), std::string::npos);
  }
  EXPECT_EQ(render("{% set x = 1 %}{% generation %}{% set x = 2 %}{% endgeneration %}{{ x }}"), "1");
  EXPECT_EQ(render("{% raw %}{% generation %}{% endraw %}{# {% generation %} #}{{ '{% generation %}' }}"),
            "{% generation %}{% generation %}");
  EXPECT_THROW(render("{% for %}"), Error);
  EXPECT_THROW(render("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"), Error);
  EXPECT_THROW(render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), Error);
  EXPECT_EQ(ChatTemplate("{{ bos_token }}", "\xFF", "").render_json("{}"), "\xEF\xBF\xBD");
  EXPECT_THROW(render("x", "[]"), Error);
}

}  // namespace
}  // namespace ttt
