#pragma once
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "options.h"

namespace ttt::app {

/// Wraps a check that answers what is wrong with a word, or nothing.
template <class Check>
CLI::Validator valid(Check check) {
  return {[check = std::move(check)](std::string& text) -> std::string { return check(text); }, ""};
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
CLI::Validator integer_in(std::int64_t low, std::int64_t high);
CLI::Validator not_empty(const std::string& what);
CLI::Validator file_name();

/// --model.
void add_model(CLI::App& verb, std::string& model);
/// The flags of CommonOptions: the model, the device and how they compute.
void add_common(CLI::App& verb, CommonOptions& options);
/// What the settings file of --settings says where no flag does. Throws as Settings::read does.
void apply_settings(const CLI::App& verb, CommonOptions& options);
/// The flags of GenerationConfig.
void add_sampling(CLI::App& verb, GenerationConfig& config);
/// --ids, token ids such as 1,2,3.
CLI::Option* add_ids(CLI::App& verb, std::vector<std::int32_t>& ids, const std::string& help);

/// An option that takes one value or several with commas between; the table has a row for each combination.
template <class T>
CLI::Option* add_list(CLI::App& verb, const std::string& flag, std::vector<T>& values, const std::string& what) {
  return verb.add_option(flag, values, what + "; several: 1,2,3")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->default_str(std::to_string(values.front()));
}

}  // namespace ttt::app
