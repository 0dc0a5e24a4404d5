#pragma once
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

/// What the files that say verbs and flags share. No other file includes CLI11, which takes longer to compile than a
/// verb.
namespace ttt::app {

inline CLI::Validator valid(std::function<std::string(const std::string&)> check) {
  return {[check = std::move(check)](std::string& text) { return check(text); }, ""};
}

/// A number in [low, high], which is as `range` says; an integer for integral T.
template <class T>
CLI::Validator in_range(T low, T high, const std::string& range) {
  return valid([=](const std::string& text) -> std::string {
    T value = 0;
    const char* const end = text.data() + text.size();
    const auto [next, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && next == end && value >= low && value <= high) return {};
    return fmt::format("expected {} {}, got \"{}\"", std::is_integral_v<T> ? "an integer" : "a number", range, text);
  });
}
inline CLI::Validator integer_in(std::int64_t low, std::int64_t high) {
  return in_range(low, high, fmt::format("from {} to {}", low, high));
}

inline CLI::Validator not_empty(const std::string& what) {
  return valid([what](const std::string& text) { return text.empty() ? "expected " + what : ""; });
}
inline CLI::Validator file_name() { return not_empty("a file's name"); }

/// Adds a verb whose callback is `run` on the options returned.
template <class O>
std::pair<CLI::App&, O&> add_verb(CLI::App& app, const std::string& name, const std::string& help,
                                  void (*run)(const O&)) {
  auto o = std::make_shared<O>();
  auto& verb = *app.add_subcommand(name, help);
  verb.callback([o, run] { run(*o); });
  return {verb, *o};
}

/// The verb `migrate`, which has verbs of its own.
void add_migrate(CLI::App& app);

}  // namespace ttt::app
