#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ttt {

/// The tokenizer in a GGUF file: the values under `tokenizer.ggml.*`.
struct GgufVocabulary {
  std::string model;  ///< "gpt2" (byte-level BPE), "llama" (SentencePiece) or "bert" (WordPiece)
  std::string pre;    ///< pre-tokenizer of byte-level BPE: "llama-bpe", "smollm", ...
  std::vector<std::string> tokens;
  std::vector<std::int64_t> token_types;  ///< 3 control, 4 user defined, 6 byte; empty: all normal
  std::vector<double> scores;             ///< SentencePiece
  std::vector<std::string> merges;        ///< byte-level BPE: "left right"
  std::optional<std::int64_t> bos, eos, unk;
  std::optional<std::int64_t> cls, sep;  ///< WordPiece; bos and eos stand in for them
  bool add_bos = false;
  bool add_eos = false;
  bool add_space_prefix = true;  ///< SentencePiece
};

/// The same as the text of a Hugging Face `tokenizer.json`. Throws FormatError; `where` names the file.
std::string tokenizer_json(const GgufVocabulary& vocabulary, const std::string& where);

}  // namespace ttt
