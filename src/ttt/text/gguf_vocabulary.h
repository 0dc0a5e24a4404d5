#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ttt::inline v2 {

/// The tokenizer in a GGUF file: the values under `tokenizer.ggml.*`.
struct GgufVocabulary {
  std::string model;                      ///< "gpt2" (byte-level BPE), "llama" (SentencePiece) or "bert" (WordPiece)
  std::string pre;                        ///< pre-tokenizer of byte-level BPE: "llama-bpe", "smollm", ...
  std::vector<std::string> tokens;        ///< by id
  std::vector<std::int64_t> token_types;  ///< 1 normal, 2 unknown, 3 control, 4 user defined, 6 byte; empty: all normal
  std::vector<double> scores;             ///< SentencePiece
  std::vector<std::string> merges;        ///< byte-level BPE: "left right"
  std::optional<std::int64_t> bos;        ///< begins a text
  std::optional<std::int64_t> eos;        ///< ends a text
  std::optional<std::int64_t> unk;        ///< what is in no other token
  std::optional<std::int64_t> cls;        ///< begins a text of WordPiece; bos where it is absent
  std::optional<std::int64_t> sep;        ///< ends a text of WordPiece; eos where it is absent
  /// Whether BOS goes before a text. Absent: SentencePiece adds it, WordPiece always, byte-level BPE as its
  /// pre-tokenizer says.
  std::optional<bool> add_bos;
  bool add_eos = false;          ///< EOS goes after a text
  bool add_space_prefix = true;  ///< SentencePiece
};

/// Two token ids.
using TokenPair = std::array<std::uint32_t, 2>;

/// A vocabulary as Hugging Face's library takes it.
struct TokenizerDescription {
  std::string json;               ///< the text of a `tokenizer.json`; BPE's vocabulary and merges are left out of it
  bool is_bpe = false;            ///< `merges` counts
  std::vector<TokenPair> merges;  ///< BPE: ids of tokens that join, the first of them first
};

/// Throws FormatError for an unknown model or pre-tokenizer, tokens given twice, lists that do not fit
/// together and special tokens out of range; `where` names the file.
TokenizerDescription describe_tokenizer(const GgufVocabulary& vocabulary, const std::string& where);

}  // namespace ttt::inline v2
