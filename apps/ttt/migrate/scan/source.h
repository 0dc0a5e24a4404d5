#pragma once
#include <filesystem>
#include <string_view>
#include <vector>

#include "source_tokens.h"

namespace ttt::app {

/// What a branch asks: the words between `if` and its colon or within its parentheses, of a loop, a conditional
/// expression, a match or switch, a case, or a preprocessor condition.
struct Condition {
  std::string_view keyword;  ///< "if", "match", "?", ...
  bool has_text = false;     ///< a string that is not empty stands in it
};

/// A source as the rules see it. The text must outlive it.
struct Source {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::filesystem::path path;  ///< absolute
  std::vector<Token> tokens;
  std::vector<Condition> conditions;
  std::vector<std::size_t> condition_of;  ///< of each token the index of its condition, or kNone
  int unclosed_line = 0;                  ///< as in SourceTokens
  bool includes_library = false;          ///< #include "ttt/...": code of version 2

  static Source parse(const std::filesystem::path& path, std::string_view text, Language language);

  /// The token there, or one that is nothing before the first and after the last.
  const Token& at(std::size_t i) const;
  const Condition* condition(std::size_t i) const;
};

}  // namespace ttt::app
