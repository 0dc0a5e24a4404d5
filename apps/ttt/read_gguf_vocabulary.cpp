#include "read_gguf_vocabulary.h"

#include <string_view>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

/// A metadata value of that type, or the default when it is absent.
template <class T>
T metadata(const GgufFile& file, std::string_view key, T otherwise = {}) {
  const auto* value = file.find_metadata(key);
  if (value == nullptr) return otherwise;
  if (const auto* typed = std::get_if<T>(value)) return *typed;
  throw FormatError(file.where(), std::string(key) + ": is not of the type that tokenizers have there");
}

std::optional<bool> flag(const GgufFile& file, std::string_view key) {
  if (file.find_metadata(key) == nullptr) return std::nullopt;
  return metadata<bool>(file, key);
}

std::optional<std::int64_t> token_id(const GgufFile& file, std::string_view key) {
  const auto* value = file.find_metadata(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* id = std::get_if<std::uint64_t>(value)) return static_cast<std::int64_t>(*id);
  if (const auto* id = std::get_if<std::int64_t>(value)) return *id;
  throw FormatError(file.where(), std::string(key) + ": expected a token id");
}

}  // namespace

GgufVocabulary read_gguf_vocabulary(const GgufFile& file) {
  return {.model = metadata<std::string>(file, "tokenizer.ggml.model"),
          .pre = metadata<std::string>(file, "tokenizer.ggml.pre"),
          .tokens = metadata<std::vector<std::string>>(file, "tokenizer.ggml.tokens"),
          .token_types = metadata<std::vector<std::int64_t>>(file, "tokenizer.ggml.token_type"),
          .scores = metadata<std::vector<double>>(file, "tokenizer.ggml.scores"),
          .merges = metadata<std::vector<std::string>>(file, "tokenizer.ggml.merges"),
          .bos = token_id(file, "tokenizer.ggml.bos_token_id"),
          .eos = token_id(file, "tokenizer.ggml.eos_token_id"),
          .unk = token_id(file, "tokenizer.ggml.unknown_token_id"),
          .cls = token_id(file, "tokenizer.ggml.cls_token_id"),
          .sep = token_id(file, "tokenizer.ggml.seperator_token_id"),  // so spelled in the format
          .add_bos = flag(file, "tokenizer.ggml.add_bos_token"),
          .add_eos = metadata<bool>(file, "tokenizer.ggml.add_eos_token", false),
          .add_space_prefix = metadata<bool>(file, "tokenizer.ggml.add_space_prefix", true)};
}

}  // namespace ttt::app
