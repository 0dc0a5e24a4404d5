#include "scan_words.h"

#include <algorithm>
#include <array>

namespace ttt::app {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

bool contains_one_of(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return text.find(part) != text.npos; });
}

bool is_family(std::string_view name) {
  constexpr std::array<std::string_view, 16> kFamilies{"llama",   "mllama",   "mistral",   "mixtral",  "qwen", "gemma",
                                                       "phi",     "falcon",   "gpt",       "deepseek", "bert", "cohere",
                                                       "granite", "stablelm", "starcoder", "olmo"};
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::any_of(kFamilies, [&](std::string_view family) {
    return name.size() >= family.size() && std::ranges::equal(name.substr(0, family.size()), family, {}, lower);
  });
}

bool is_size(std::string_view name) {
  return name.size() > 1 && (name.back() == 'b' || name.back() == 'B') &&
         name.find_first_not_of("0123456789") == name.size() - 1;
}

}  // namespace ttt::app
