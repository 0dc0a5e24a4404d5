#include "source.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace ttt::app {
namespace {

bool is_one_of(const Token& token, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return token.is(word); });
}

constexpr std::string_view kDirective = "#if";

/// Whether the include at token `i` is of a header of the library, in quotes or angle brackets.
bool is_library_include(const Source& source, std::size_t i) {
  const auto& path = source.at(i + 1);
  return path.kind == Token::Kind::string ? path.text.starts_with("ttt/")
                                          : path.is("<") && source.at(i + 2).is("ttt") && source.at(i + 3).is("/");
}

/// Goes through the tokens once, with the conditions that are open at each.
class ConditionFinder {
 public:
  ConditionFinder(Source& source, Language language) : source_(source), language_(language) {}

  void run() {
    source_.condition_of.assign(source_.tokens.size(), Source::kNone);
    for (std::size_t i = 0; i < source_.tokens.size(); ++i)
      if (language_ == Language::python)
        python(i);
      else
        cpp(i);
  }

 private:
  struct Open {
    std::size_t condition;
    int depth;  // of the brackets around it
  };

  void python(std::size_t i) {
    const auto& token = source_.tokens[i];
    count_brackets(token);
    const bool ends = token.kind == Token::Kind::line_end || token.is(":") || token.is("else");
    if (ends) close_from(depth_);
    mark(i);
    // `match` and `case` are names too, unless they begin a statement that goes on with an expression.
    const bool soft = is_one_of(token, {"match", "case"}) && source_.at(i - 1).kind == Token::Kind::line_end &&
                      !is_one_of(source_.at(i + 1), {"=", ".", ":", ",", ")"});
    if (soft || is_one_of(token, {"if", "elif", "while"})) open(token.text);
  }

  void cpp(std::size_t i) {
    const auto& token = source_.tokens[i];
    if (token.is("(") && !pending_.empty()) {
      open(pending_);
      pending_ = {};
    }
    count_brackets(token);
    if ((token.kind == Token::Kind::line_end && is_within(kDirective)) || (token.is(":") && is_within("case")))
      open_.pop_back();
    mark(i);
    if (source_.at(i - 1).is("#") && is_one_of(token, {"if", "elif", "ifdef", "ifndef"}))
      open(kDirective);
    else if (token.is("case"))
      open(token.text);
    else if (is_one_of(token, {"if", "while", "switch"}))
      pending_ = token.text;
    else if (token.is("?"))
      mark_before(i);
    else if (!token.is("constexpr"))
      pending_ = {};
  }

  bool is_within(std::string_view keyword) const {
    return !open_.empty() && source_.conditions[open_.back().condition].keyword == keyword;
  }

  /// What stands before the question mark, as far back as such an expression may reasonably begin.
  void mark_before(std::size_t question) {
    constexpr std::size_t kLongest = 64;
    source_.conditions.push_back({.keyword = "?"});
    const auto first = question > kLongest ? question - kLongest : 0;
    int depth = 0;
    for (auto i = question; i-- > first;) {
      const auto& token = source_.tokens[i];
      if (token.is(")") || token.is("]")) ++depth;
      if (token.is("(") || token.is("[")) --depth;
      if (depth < 0 || (depth == 0 && is_one_of(token, {";", "{", "}", "=", "return", ",", "?", ":"}))) break;
      put(i, source_.conditions.size() - 1);
    }
  }

  void open(std::string_view keyword) {
    source_.conditions.push_back({.keyword = keyword});
    open_.push_back({source_.conditions.size() - 1, depth_});
  }
  /// Ends the conditions within brackets that are that deep or deeper.
  void close_from(int depth) {
    while (!open_.empty() && open_.back().depth >= depth) open_.pop_back();
  }
  void count_brackets(const Token& token) {
    if (is_one_of(token, {"(", "[", "{"})) ++depth_;
    if (!is_one_of(token, {")", "]", "}"})) return;
    depth_ = std::max(depth_ - 1, 0);
    if (language_ == Language::python)
      close_from(depth_ + 1);
    else if (!is_within(kDirective) && !is_within("case"))
      close_from(depth_);
  }

  void mark(std::size_t i) {
    if (!open_.empty()) put(i, open_.back().condition);
  }
  void put(std::size_t i, std::size_t condition) {
    source_.condition_of[i] = condition;
    if (source_.tokens[i].kind == Token::Kind::string && !source_.tokens[i].text.empty())
      source_.conditions[condition].has_text = true;
  }

  Source& source_;
  Language language_;
  int depth_ = 0;
  std::string_view pending_;  // a keyword whose parenthesis comes next
  std::vector<Open> open_;
};

}  // namespace

Source Source::parse(const std::filesystem::path& path, std::string_view text, Language language) {
  auto [tokens, unclosed_line] = tokens_of(text, language);
  Source source{
      .path = path, .tokens = std::move(tokens), .conditions = {}, .condition_of = {}, .unclosed_line = unclosed_line};
  ConditionFinder(source, language).run();
  for (std::size_t i = 0; i + 1 < source.tokens.size() && !source.includes_library; ++i)
    source.includes_library = source.tokens[i].is("include") && is_library_include(source, i);
  return source;
}

const Token& Source::at(std::size_t i) const {
  static const Token kNothing{Token::Kind::line_end, {}, 0};
  return i < tokens.size() ? tokens[i] : kNothing;
}

const Condition* Source::condition(std::size_t i) const {
  return condition_of[i] == kNone ? nullptr : &conditions[condition_of[i]];
}

}  // namespace ttt::app
