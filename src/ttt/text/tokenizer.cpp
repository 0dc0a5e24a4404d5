#include "ttt/text/tokenizer.h"

#include <fstream>
#include <iterator>

#include "ttt/text/abi_call.h"

namespace ttt::inline v2 {

using text::bytes_of;

struct Tokenizer::Handle {
  explicit Handle(ttt_tokenizer* t) : tokenizer(t) {}
  ~Handle() { ttt_tokenizer_free(tokenizer); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ttt_tokenizer* tokenizer;
};

Tokenizer Tokenizer::from_json(std::string_view json, const std::string& where) {
  auto* tokenizer =
      text::call<FormatError, ttt_tokenizer*>(where, ttt_tokenizer_from_json, bytes_of(json), json.size());
  return Tokenizer(std::make_shared<const Handle>(tokenizer));
}

Tokenizer Tokenizer::from_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string json{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw FormatError(file.string(), "cannot be read");
  return from_json(json, file.string());
}

Tokenizer Tokenizer::from_gguf(const GgufVocabulary& vocabulary, const std::string& where) {
  const auto description = describe_tokenizer(vocabulary, where);
  if (!description.is_bpe) return from_json(description.json, where);
  std::vector<ttt_text_view> tokens;
  tokens.reserve(vocabulary.tokens.size());
  for (const auto& token : vocabulary.tokens) tokens.push_back({bytes_of(token), token.size()});
  auto* tokenizer = text::call<FormatError, ttt_tokenizer*>(
      where, ttt_tokenizer_from_bpe, bytes_of(description.json), description.json.size(), tokens.data(), tokens.size(),
      reinterpret_cast<const std::uint32_t*>(description.merges.data()), description.merges.size());
  return Tokenizer(std::make_shared<const Handle>(tokenizer));
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view input, AddSpecial add_special) const {
  const auto ids = text::call<Error, ttt_ids>("tokenizer", ttt_tokenizer_encode, handle_->tokenizer, bytes_of(input),
                                              input.size(), add_special == AddSpecial::yes);
  std::vector<std::int32_t> result(ids.data, ids.data + ids.len);
  ttt_text_free_ids(ids);
  return result;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, SkipSpecial skip_special) const {
  for (const auto id : ids)
    if (id < 0) throw Error("tokenizer", "negative token id");
  return text::take(text::call<Error, ttt_bytes>("tokenizer", ttt_tokenizer_decode, handle_->tokenizer,
                                                 reinterpret_cast<const std::uint32_t*>(ids.data()), ids.size(),
                                                 skip_special == SkipSpecial::yes));
}

std::string Tokenizer::piece(std::int32_t id) const {
  return text::take(text::call<Error, ttt_bytes>("tokenizer", ttt_tokenizer_piece, handle_->tokenizer,
                                                 static_cast<std::uint32_t>(id)));
}

std::optional<std::int32_t> Tokenizer::token_id(std::string_view token) const {
  const auto id = text::call<Error, std::int64_t>("tokenizer", ttt_tokenizer_token_id, handle_->tokenizer,
                                                  bytes_of(token), token.size());
  if (id < 0) return std::nullopt;
  return static_cast<std::int32_t>(id);
}

std::size_t Tokenizer::vocab_size() const {
  return text::call<Error, std::size_t>("tokenizer", ttt_tokenizer_vocab_size, handle_->tokenizer);
}

}  // namespace ttt::inline v2
