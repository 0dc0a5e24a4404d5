#include "source_tokens.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace ttt::app {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// Bytes above ASCII may be letters of a name.
bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) { return is_word_start(c) || is_digit(c); }

class Tokenizer {
 public:
  Tokenizer(std::string_view source, Language language) : source_(source), language_(language) {}

  SourceTokens run() {
    while (at_ < source_.size()) step();
    end_line();
    return {std::move(tokens_), unclosed_line_};
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  bool starts(std::string_view text) const { return source_.substr(at_).starts_with(text); }
  bool cpp() const { return language_ == Language::cpp; }

  void step() {
    const char c = peek();
    if (c == '\n') return new_line();
    if (c == '\\' && (peek(1) == '\n' || starts("\\\r\n"))) return continue_line();
    if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') return void(++at_);
    if (cpp() ? starts("//") : c == '#') return skip_comment();
    if (cpp() && starts("/*")) return skip_to(source_.find("*/", at_ + 2), 2);
    if (c == '"' || c == '\'') return string(c);
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_word_start(c)) return word();
    symbol();
  }

  void new_line() {
    if (cpp() ? directive_ : depth_ == 0) end_line();
    directive_ = false;
    ++at_;
    ++line_;
  }
  void continue_line() {
    at_ += peek(1) == '\n' ? 2 : 3;
    ++line_;
  }
  void end_line() {
    if (!tokens_.empty() && tokens_.back().kind != Token::Kind::line_end) add(Token::Kind::line_end, at_, at_);
  }

  void skip_comment() {
    while (at_ < source_.size() && peek() != '\n') {
      if (cpp() && peek() == '\\' && peek(1) == '\n')
        continue_line();
      else
        ++at_;
    }
  }
  /// Past what ends at `end` and is `length` long; to the end of the source where it never ends.
  void skip_to(std::size_t end, std::size_t length) {
    if (end == source_.npos) unclosed_line_ = line_;
    const auto next = end == source_.npos ? source_.size() : std::min(end + length, source_.size());
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(next), '\n'));
    at_ = next;
  }

  void string(char quote) {
    const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
    if (!cpp() && starts(triple)) {
      const auto end = find_unescaped(triple, at_ + 3);
      add(Token::Kind::string, at_ + 3, std::min(end, source_.size()));
      return skip_to(end, triple.size());
    }
    const auto start = ++at_;
    while (at_ < source_.size() && peek() != quote && peek() != '\n') {
      if (peek() == '\\' && peek(1) == '\n') {
        continue_line();
        continue;
      }
      at_ += peek() == '\\' ? 2 : 1;
    }
    at_ = std::min(at_, source_.size());
    add(Token::Kind::string, start, at_);
    if (peek() == quote) ++at_;
  }

  std::size_t find_unescaped(std::string_view end, std::size_t from) const {
    for (auto at = from; at < source_.size(); ++at) {
      if (source_[at] == '\\')
        ++at;
      else if (source_.substr(at).starts_with(end))
        return at;
    }
    return source_.npos;
  }

  void number() {
    const auto start = at_;
    while (at_ < source_.size()) {
      const char c = peek(), before = source_[at_ == start ? start : at_ - 1];
      const bool exponent_sign = (c == '+' || c == '-') && (before == 'e' || before == 'E') && !hexadecimal(start);
      const bool separator = cpp() && c == '\'' && is_word(peek(1));
      if (!is_word(c) && c != '.' && !exponent_sign && !separator) break;
      ++at_;
    }
    add(Token::Kind::number, start, at_);
  }
  bool hexadecimal(std::size_t start) const {
    return start + 1 < source_.size() && source_[start] == '0' &&
           (source_[start + 1] == 'x' || source_[start + 1] == 'X');
  }

  void word() {
    const auto start = at_;
    while (is_word(peek())) ++at_;
    const auto text = source_.substr(start, at_ - start);
    const char quote = peek();
    if (quote == '"' || quote == '\'') {
      if (cpp() && text.ends_with('R') && text.size() <= 3 && quote == '"') return raw_string();
      if (is_string_prefix(text)) return string(quote);
    }
    add(Token::Kind::word, start, at_);
  }
  bool is_string_prefix(std::string_view text) const {
    constexpr std::string_view kPython = "rRbBuUfF";
    if (cpp()) return text == "u8" || text == "u" || text == "U" || text == "L";
    return text.size() <= 2 && text.find_first_not_of(kPython) == text.npos;
  }
  void raw_string() {
    constexpr std::size_t kLongestDelimiter = 16;
    const auto length = source_.substr(at_ + 1, kLongestDelimiter + 1).find('(');
    if (length == source_.npos) return string('"');
    const auto open = at_ + 1 + length;
    const auto end = ")" + std::string(source_.substr(at_ + 1, open - at_ - 1)) + "\"";
    const auto close = source_.find(end, open);
    add(Token::Kind::string, open + 1, std::min(close, source_.size()));
    skip_to(close, end.size());
  }

  void symbol() {
    constexpr std::array<std::string_view, 13> kLong{"**", "//", "==", "!=", "<=", ">=", "&&",
                                                     "||", "->", "::", ":=", "+=", "?."};
    const auto found = std::ranges::find_if(kLong, [&](std::string_view text) { return starts(text); });
    const std::size_t length = found == kLong.end() ? 1 : found->size();
    const char c = peek();
    if (c == '(' || c == '[' || c == '{') ++depth_;
    if ((c == ')' || c == ']' || c == '}') && depth_ > 0) --depth_;
    if (cpp() && c == '#') directive_ = true;
    add(Token::Kind::symbol, at_, at_ + length);
    at_ += length;
  }

  void add(Token::Kind kind, std::size_t begin, std::size_t end) {
    tokens_.push_back({kind, source_.substr(begin, end - begin), line_});
  }

  std::string_view source_;
  Language language_;
  std::size_t at_ = 0;
  int line_ = 1, depth_ = 0, unclosed_line_ = 0;
  bool directive_ = false;  // within a preprocessor line
  std::vector<Token> tokens_;
};

}  // namespace

SourceTokens tokens_of(std::string_view source, Language language) { return Tokenizer(source, language).run(); }

}  // namespace ttt::app
