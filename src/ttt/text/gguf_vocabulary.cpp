#include "ttt/text/gguf_vocabulary.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "ttt/core/error.h"
#include "ttt/text/pre_tokenizer.h"

namespace ttt::inline v2 {
namespace {

using Json = nlohmann::json;

Json byte_level() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
}

Json split(const std::string& regex) {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
}

Json pre_tokenizer_json(const PreTokenizer& pre) {
  Json steps = Json::array();
  for (const auto& regex : pre.splits) steps.push_back(split(regex));
  steps.push_back(byte_level());
  for (const auto& regex : pre.byte_splits) steps.push_back(split(regex));
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

std::string token_at(const GgufVocabulary& v, std::optional<std::int64_t> id, const std::string& where) {
  if (!id || *id < 0 || *id >= static_cast<std::int64_t>(v.tokens.size()))
    throw FormatError(where, "tokenizer: a special token's id is out of range");
  return v.tokens[static_cast<std::size_t>(*id)];
}

/// BOS before and EOS after, where the vocabulary asks for them.
Json post_processor(const GgufVocabulary& v, bool add_bos, const std::string& where) {
  const bool word_piece = v.model == "bert";  // format name
  if (!add_bos && !v.add_eos && !word_piece) return nullptr;
  Json single = Json::array(), special = Json::object();
  const auto add = [&](std::optional<std::int64_t> id) {
    const std::string token = token_at(v, id, where);
    single.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
    special[token] = {{"id", token}, {"ids", {*id}}, {"tokens", {token}}};
  };
  if (add_bos || word_piece) add(word_piece && v.cls ? v.cls : v.bos);
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
    added.push_back({{"id", id},
                     {"content", v.tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", type != kUserDefined}});
  }
  return added;
}

/// Settings of a BPE model: its vocabulary and merges go beside the JSON.
Json bpe_model() {
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", false},
          {"vocab", Json::object()},
          {"merges", Json::array()}};
}

using TokenIds = std::unordered_map<std::string_view, std::uint32_t>;

TokenIds token_ids(const GgufVocabulary& v, const std::string& where) {
  TokenIds ids;
  ids.reserve(2 * v.tokens.size());
  for (std::size_t id = 0; id < v.tokens.size(); ++id)
    if (const auto [first, is_new] = ids.emplace(v.tokens[id], id); !is_new)
      throw FormatError(where, "tokenizer.ggml.tokens: " + std::to_string(first->second) + " and " +
                                   std::to_string(id) + " are the same token");
  return ids;
}

/// SentencePiece's scores as BPE merges: every way to split a token into two others, the best-scored results
/// first.
std::vector<TokenPair> merges_from_scores(const GgufVocabulary& v, const TokenIds& ids) {
  struct Merge {
    double score;
    std::size_t order;
    TokenPair pair;
  };
  std::vector<Merge> merges;
  for (std::size_t id = 0; id < v.tokens.size(); ++id) {
    const std::string_view token = v.tokens[id];
    for (std::size_t cut = 1; cut < token.size(); ++cut) {
      const bool within_character = (static_cast<unsigned char>(token[cut]) & 0xC0) == 0x80;
      if (within_character) continue;
      const auto left = ids.find(token.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(token.substr(cut));
      if (right != ids.end()) merges.push_back({v.scores[id], id, {left->second, right->second}});
    }
  }
  std::ranges::sort(merges, [](const Merge& a, const Merge& b) {
    return std::tie(b.score, a.order, a.pair) < std::tie(a.score, b.order, b.pair);
  });
  std::vector<TokenPair> result;
  for (const auto& merge : merges) result.push_back(merge.pair);
  return result;
}

Json sentencepiece(const GgufVocabulary& v, const std::string& where) {
  if (v.scores.size() != v.tokens.size())
    throw FormatError(where, "tokenizer.ggml.scores: expected one for every token");
  if (std::ranges::any_of(v.scores, [](double score) { return std::isnan(score); }))
    throw FormatError(where, "tokenizer.ggml.scores: one is not a number");
  Json model = bpe_model();
  model["byte_fallback"] = true;
  model["fuse_unk"] = true;
  if (v.unk) model["unk_token"] = token_at(v, v.unk, where);
  const std::string space = "\xE2\x96\x81";
  Json normalizers = Json::array();
  if (v.add_space_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", space}});
  normalizers.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}});
  Json decoders = {{{"type", "Replace"}, {"pattern", {{"String", space}}}, {"content", " "}},
                   {{"type", "ByteFallback"}},
                   {{"type", "Fuse"}}};
  if (v.add_space_prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
          {"pre_tokenizer", nullptr},
          {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}},
          {"model", std::move(model)}};
}

std::vector<TokenPair> listed_merges(const GgufVocabulary& v, const TokenIds& ids, const std::string& where) {
  std::vector<TokenPair> result;
  for (const auto& merge : v.merges) {
    const auto space = merge.find(' ', 1);
    const auto left = ids.find(std::string_view(merge).substr(0, space));
    const auto right = space == std::string::npos ? ids.end() : ids.find(std::string_view(merge).substr(space + 1));
    if (left == ids.end() || right == ids.end())
      throw FormatError(where, "tokenizer.ggml.merges: expected two tokens with a space between, got '" + merge + "'");
    result.push_back({left->second, right->second});
  }
  return result;
}

Json byte_level_bpe(const PreTokenizer& pre) {
  Json model = bpe_model();
  model["ignore_merges"] = pre.ignore_merges;
  return {{"normalizer", pre.normalize_nfc ? Json{{"type", "NFC"}} : Json()},
          {"pre_tokenizer", pre_tokenizer_json(pre)},
          {"decoder", byte_level()},
          {"model", std::move(model)}};
}

/// Whole words, lower case and without accents, then the longest pieces. GGUF marks a word's first piece,
/// where the original marks those that go on.
Json word_piece(const GgufVocabulary& v, const std::string& where) {
  if (v.token_types.empty())
    throw FormatError(where,
                      "tokenizer.ggml.token_type: missing; WordPiece needs it to tell special tokens from words");
  const std::string_view first_piece = "\xE2\x96\x81", going_on = "##";
  Json vocab = Json::object();
  for (std::size_t id = 0; id < v.tokens.size(); ++id) {
    const std::string_view token = v.tokens[id];
    const bool normal = v.token_types[id] == 1;
    if (token.starts_with(first_piece))
      vocab[std::string(token.substr(first_piece.size()))] = id;
    else
      vocab[normal ? std::string(going_on).append(token) : std::string(token)] = id;
  }
  const std::string unknown = v.unk ? token_at(v, v.unk, where) : "[UNK]";
  return {{"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", going_on}, {"cleanup", true}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", unknown},
            {"continuing_subword_prefix", going_on},
            {"max_input_chars_per_word", 100},
            {"vocab", std::move(vocab)}}}};
}

}  // namespace

TokenizerDescription describe_tokenizer(const GgufVocabulary& v, const std::string& where) {
  if (v.tokens.empty()) throw FormatError(where, "tokenizer.ggml.tokens: missing or empty");
  if (!v.token_types.empty() && v.token_types.size() != v.tokens.size())
    throw FormatError(where, "tokenizer.ggml.token_type: expected one for every token");
  const auto ids = token_ids(v, where);
  TokenizerDescription result;
  Json json;
  bool add_bos = false;
  if (v.model == "gpt2") {  // format name
    const auto pre = pre_tokenizer(v.pre, where);
    json = byte_level_bpe(pre);
    result.merges = listed_merges(v, ids, where);
    add_bos = pre.add_bos;
  } else if (v.model == "llama") {  // format name
    json = sentencepiece(v, where);
    result.merges = merges_from_scores(v, ids);
    add_bos = true;
  } else if (v.model == "bert") {  // format name
    json = word_piece(v, where);
  } else {
    const std::string known = "'gpt2', 'llama' or 'bert'";  // format name
    throw FormatError(where, "tokenizer.ggml.model: expected " + known + ", got '" + v.model + "'");
  }
  result.is_bpe = v.model != "bert";  // format name
  json["version"] = "1.0";
  json["truncation"] = nullptr;
  json["padding"] = nullptr;
  json["added_tokens"] = added_tokens(v);
  json["post_processor"] = post_processor(v, v.add_bos.value_or(add_bos && v.bos.has_value()), where);
  result.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return result;
}

}  // namespace ttt::inline v2
