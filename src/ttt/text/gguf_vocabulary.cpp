#include "ttt/text/gguf_vocabulary.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "ttt/core/error.h"

namespace ttt {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kContractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
constexpr std::string_view kWords = R"([^\r\n\p{L}\p{N}]?\p{L}+)";
constexpr std::string_view kRest = R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string with_digits(std::string_view digits) {
  return std::string(kContractions) + "|" + std::string(kWords) + "|" + std::string(digits) + "|" + std::string(kRest);
}

/// Letters of scripts that have cases, as one tokenizer lists them.
constexpr std::string_view kCasedLetters =
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBE"
    "ῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212A-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ"
    "\U00010400-\U0001044F\U000104B0-\U000104D3\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2"
    "\U000118A0-\U000118DF\U0001E900-\U0001E943";

/// Upper- and lower-case runs apart, as in the newer tokenizers; `suffix` follows each word.
std::string with_cases(std::string_view suffix, std::string_view digits) {
  constexpr std::string_view upper = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])", lower = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])";
  const std::string start = R"([^\r\n\p{L}\p{N}]?)", u(upper), l(lower), s(suffix);
  return start + u + "*" + l + "+" + s + "|" + start + u + "+" + l + "*" + s + "|" + std::string(digits) +
         R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
}

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json split(const std::string& regex) {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
}

Json sequence(Json steps) { return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}; }

/// What comes before byte-level BPE, by the name in `tokenizer.ggml.pre`. These names are the file format's.
Json pre_tokenizer(const std::string& pre, const std::string& where) {
  using Names = std::array<std::string_view, 8>;
  const auto is = [&](const Names& names) { return std::ranges::find(names, pre) != names.end() && !pre.empty(); };
  const Json digits{{"type", "Digits"}, {"individual_digits", true}};
  if (pre.empty() || is({"default", "gpt-2", "mpt", "olmo", "phi-2", "jina-es", "jina-de", "roberta-bpe"})) return sequence({byte_level(true)});  // format name
  if (is({"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"})) return sequence({digits, byte_level(true)});  // format name
  if (is({"llama-bpe", "llama3", "llama-v3", "dbrx", "smaug-bpe", "pixtral"}))  // format name
    return sequence({split(with_digits(R"(\p{N}{1,3})")), byte_level(false)});
  if (is({"qwen2", "stablelm2", "hunyuan", "deepseek-r1-qwen"})) return sequence({split(with_digits(R"(\p{N})")), byte_level(false)});  // format name
  if (is({"gpt-4o", "llama4"})) return sequence({split(with_cases(std::string(kContractions) + "?", R"(\p{N}{1,3})")), byte_level(false)});  // format name
  if (is({"tekken"})) return sequence({split(with_cases("", R"(\p{N})")), byte_level(false)});
  if (is({"deepseek-v3", "deepseek-v3.1"}))  // format name
    return sequence({split(R"(\p{N}{1,3})"), split("[一-龥぀-ゟ゠-ヿ]+"),
                     split(R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"),
                     byte_level(false)});
  if (is({"deepseek-llm"}))  // format name
    return sequence({split("[\r\n]"), split(std::string(R"(\s?[)") + std::string(kCasedLetters) + "]+"), split("\\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(R"(\s+$)"),
                     split("[一-龥ࠀ-一가-\uD7FF]+"), split(R"(\p{N}+)"), byte_level(false)});
  if (is({"deepseek-coder"}))  // format name
    return sequence({split("[\r\n]"), split(R"(\s?\p{L}+)"), split(R"(\s?\p{P}+)"), split("[一-龥ࠀ-一가-\uD7FF]+"), split(R"(\p{N})"), byte_level(false)});
  if (is({"falcon"}))  // format name
    return sequence({{{"type", "Punctuation"}, {"behavior", "Contiguous"}}, byte_level(true), {{"type", "Digits"}, {"individual_digits", false}},
                     split("[0-9][0-9][0-9]")});
  throw FormatError(where, "tokenizer.ggml.pre: unknown pre-tokenizer '" + pre +
                               "'; known: default, gpt-2, smollm, starcoder, refact, command-r, llama-bpe, dbrx, qwen2, stablelm2, "  // format name
                               "gpt-4o, tekken, falcon, deepseek-llm, deepseek-coder, deepseek-v3");  // format name
}

std::string token_at(const GgufVocabulary& v, std::optional<std::int64_t> id, const std::string& where) {
  if (!id || *id < 0 || *id >= static_cast<std::int64_t>(v.tokens.size())) throw FormatError(where, "tokenizer: a special token's id is out of range");
  return v.tokens[static_cast<std::size_t>(*id)];
}

/// BOS before and EOS after, where the vocabulary asks for them.
Json post_processor(const GgufVocabulary& v, const std::string& where) {
  if (!v.add_bos && !v.add_eos && v.model != "bert") return nullptr;  // format name
  Json single = Json::array(), special = Json::object();
  const auto add = [&](std::optional<std::int64_t> id) {
    const std::string token = token_at(v, id, where);
    single.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
    special[token] = {{"id", token}, {"ids", {*id}}, {"tokens", {token}}};
  };
  const bool word_piece = v.model == "bert";  // format name
  if (v.add_bos || word_piece) add(word_piece && v.cls ? v.cls : v.bos);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  if (v.add_eos || word_piece) add(word_piece && v.sep ? v.sep : v.eos);
  Json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
}

Json added_tokens(const GgufVocabulary& v) {
  constexpr std::int64_t kUnknown = 2, kControl = 3, kUserDefined = 4;
  Json added = Json::array();
  for (std::size_t id = 0; id < v.token_types.size(); ++id) {
    const auto type = v.token_types[id];
    if (type != kControl && type != kUserDefined && type != kUnknown) continue;
    added.push_back({{"id", id}, {"content", v.tokens[id]}, {"single_word", false}, {"lstrip", false}, {"rstrip", false},
                     {"normalized", false}, {"special", type != kUserDefined}});
  }
  return added;
}

Json bpe_model(const GgufVocabulary& v, Json merges) {
  Json vocab = Json::object();
  for (std::size_t id = 0; id < v.tokens.size(); ++id) vocab[v.tokens[id]] = id;
  return {{"type", "BPE"}, {"dropout", nullptr}, {"unk_token", nullptr}, {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr}, {"fuse_unk", false}, {"byte_fallback", false}, {"ignore_merges", false},
          {"vocab", std::move(vocab)}, {"merges", std::move(merges)}};
}

/// SentencePiece's scores as BPE merges: every way to split a token into two others, the best-scored results first.
Json merges_from_scores(const GgufVocabulary& v) {
  std::unordered_map<std::string_view, std::size_t> ids;
  for (std::size_t id = 0; id < v.tokens.size(); ++id) ids.emplace(v.tokens[id], id);
  struct Merge {
    double score;
    std::size_t left, right;
  };
  std::vector<Merge> merges;
  for (std::size_t id = 0; id < v.tokens.size(); ++id) {
    const std::string_view token = v.tokens[id];
    const auto first = merges.size();
    for (std::size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ids.find(token.substr(0, cut)), right = ids.find(token.substr(cut));
      if (left != ids.end() && right != ids.end()) merges.push_back({v.scores[id], left->second, right->second});
    }
    std::sort(merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end(),
              [](const Merge& a, const Merge& b) { return std::tie(a.left, a.right) < std::tie(b.left, b.right); });
  }
  std::ranges::stable_sort(merges, [](const Merge& a, const Merge& b) { return a.score > b.score; });
  Json result = Json::array();
  for (const auto& merge : merges) result.push_back({v.tokens[merge.left], v.tokens[merge.right]});
  return result;
}

Json sentencepiece(const GgufVocabulary& v, const std::string& where) {
  if (v.scores.size() != v.tokens.size()) throw FormatError(where, "tokenizer.ggml.scores: expected one for every token");
  Json model = bpe_model(v, merges_from_scores(v));
  model["byte_fallback"] = true;
  model["fuse_unk"] = true;
  if (v.unk) model["unk_token"] = token_at(v, v.unk, where);
  const std::string space = "\xE2\x96\x81";
  Json normalizers = Json::array();
  if (v.add_space_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", space}});
  normalizers.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}});
  Json decoders = {{{"type", "Replace"}, {"pattern", {{"String", space}}}, {"content", " "}}, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (v.add_space_prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}}, {"pre_tokenizer", nullptr},
          {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}}, {"model", std::move(model)}};
}

Json byte_level_bpe(const GgufVocabulary& v, const std::string& where) {
  Json merges = Json::array();
  for (const auto& merge : v.merges) {
    const auto space = merge.find(' ', 1);
    if (space == std::string::npos) throw FormatError(where, "tokenizer.ggml.merges: expected two tokens in '" + merge + "'");
    merges.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  return {{"normalizer", nullptr}, {"pre_tokenizer", pre_tokenizer(v.pre, where)}, {"decoder", byte_level(true)},
          {"model", bpe_model(v, std::move(merges))}};
}

/// Whole words, lower case and without accents, then the longest pieces. GGUF marks a word's first piece, where the original
/// marks those that go on.
Json word_piece(const GgufVocabulary& v, const std::string& where) {
  const std::string_view first_piece = "\xE2\x96\x81", going_on = "##";
  Json vocab = Json::object();
  for (std::size_t id = 0; id < v.tokens.size(); ++id) {
    const std::string_view token = v.tokens[id];
    const bool normal = v.token_types.empty() || v.token_types[id] == 1;
    if (token.starts_with(first_piece))
      vocab[std::string(token.substr(first_piece.size()))] = id;
    else
      vocab[normal ? std::string(going_on).append(token) : std::string(token)] = id;
  }
  const std::string unknown = v.unk ? token_at(v, v.unk, where) : "[UNK]";
  return {{"normalizer", {{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", true}, {"strip_accents", nullptr}, {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", going_on}, {"cleanup", true}}},
          {"model", {{"type", "WordPiece"}, {"unk_token", unknown}, {"continuing_subword_prefix", going_on}, {"max_input_chars_per_word", 100}, {"vocab", std::move(vocab)}}}};
}

}  // namespace

std::string tokenizer_json(const GgufVocabulary& v, const std::string& where) {
  if (v.tokens.empty()) throw FormatError(where, "tokenizer.ggml.tokens: missing or empty");
  if (!v.token_types.empty() && v.token_types.size() != v.tokens.size())
    throw FormatError(where, "tokenizer.ggml.token_type: expected one for every token");
  Json json;
  if (v.model == "gpt2") {  // format name
    json = byte_level_bpe(v, where);
  } else if (v.model == "llama") {  // format name
    json = sentencepiece(v, where);
  } else if (v.model == "bert") {  // format name
    json = word_piece(v, where);
  } else {
    throw FormatError(where, "tokenizer.ggml.model: expected 'gpt2', 'llama' or 'bert', got '" + v.model + "'");  // format name
  }
  json["version"] = "1.0";
  json["truncation"] = nullptr;
  json["padding"] = nullptr;
  json["added_tokens"] = added_tokens(v);
  json["post_processor"] = post_processor(v, where);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ttt
