#pragma once
#include <initializer_list>
#include <string_view>

namespace ttt::app {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words);
bool contains_one_of(std::string_view text, std::initializer_list<std::string_view> parts);
/// Whether a name begins with that of a family of models, in any case: "llama3", "Qwen2MLP".
bool is_family(std::string_view name);
/// A size in billions: "70b".
bool is_size(std::string_view name);

}  // namespace ttt::app
