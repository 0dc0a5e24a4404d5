#pragma once
#include <string_view>
#include <vector>

namespace ttt::app {

enum class Language { python, cpp };

struct Token {
  enum class Kind {
    word,      ///< an identifier or keyword
    number,    ///< as it is spelled
    string,    ///< what stands between the quotes, escapes left as they are
    symbol,    ///< one operator or bracket
    line_end,  ///< of a Python statement or a preprocessor line
  };
  Kind kind;
  std::string_view text;  ///< a part of the source
  int line;               ///< from 1
  bool is(std::string_view symbol_or_word) const {
    return (kind == Kind::symbol || kind == Kind::word) && text == symbol_or_word;
  }
};

struct SourceTokens {
  std::vector<Token> tokens;
  int unclosed_line;  ///< where a comment or long string begins that never ends, and so hides what follows; 0: none
                      ///< does
};

/// The tokens of a source, without comments; continued lines and open brackets do not end a statement. Any bytes are
/// taken: what is no token of the language becomes a symbol, and an unclosed string ends with its line, a long one (a
/// docstring, a raw string) with the source.
SourceTokens tokens_of(std::string_view source, Language language);

}  // namespace ttt::app
