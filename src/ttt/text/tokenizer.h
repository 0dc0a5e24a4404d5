#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/text/gguf_vocabulary.h"

namespace ttt::inline v2 {

/// Whether a text gets the special tokens around it that the tokenizer asks for.
enum class AddSpecial { no, yes };
/// Whether special tokens are left out of a text.
enum class SkipSpecial { no, yes };

/// Text to token ids and back, by Hugging Face's `tokenizers` library. Immutable; copies share it, and
/// threads may.
class Tokenizer {
 public:
  /// A `tokenizer.json`. Throws FormatError when it cannot be read or is not one.
  static Tokenizer from_file(const std::filesystem::path& file);
  /// Its text; `where` names it in errors.
  static Tokenizer from_json(std::string_view json, const std::string& where);
  /// A vocabulary out of GGUF metadata. Throws FormatError for a model or pre-tokenizer that is not known,
  /// listing those that are.
  static Tokenizer from_gguf(const GgufVocabulary& vocabulary, const std::string& where);

  /// Ids of UTF-8 text. Special tokens in the text are recognised; AddSpecial::yes puts those around it that
  /// the tokenizer asks for (BOS, EOS). Throws ttt::Error for invalid UTF-8.
  std::vector<std::int32_t> encode(std::string_view text, AddSpecial add_special) const;
  /// Text of the ids; what is no valid UTF-8 becomes U+FFFD. Throws ttt::Error for a negative id.
  std::string decode(std::span<const std::int32_t> ids, SkipSpecial skip_special) const;
  /// The token as the vocabulary spells it ("Ġthe"). Throws ttt::Error when there is none.
  std::string piece(std::int32_t id) const;
  std::optional<std::int32_t> token_id(std::string_view token) const;  ///< the id of that piece, or nothing
  std::size_t vocab_size() const;                                      ///< ids are below it, added tokens included

 private:
  struct Handle;
  explicit Tokenizer(std::shared_ptr<const Handle> handle) : handle_(std::move(handle)) {}
  std::shared_ptr<const Handle> handle_;
};

}  // namespace ttt::inline v2
