#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ttt::inline v2 {

/// What happens to text before byte-level BPE, under one name of `tokenizer.ggml.pre`.
struct PreTokenizer {
  bool normalize_nfc = false;  ///< Unicode's normal form C first
  bool ignore_merges = false;  ///< a piece that is itself a token stays whole
  bool add_bos = false;        ///< where the file does not say
  std::vector<std::string>
      splits;  ///< regular expressions: each cuts every piece into its matches and what lies between
  std::vector<std::string> byte_splits = {};  ///< the same, after the bytes of the text have become symbols
};

/// The pre-tokenizer of that name; the empty name is "default". Throws FormatError with all known names;
/// `where` names the file.
PreTokenizer pre_tokenizer(std::string_view name, const std::string& where);

}  // namespace ttt::inline v2
