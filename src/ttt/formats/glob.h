#pragma once
#include <string_view>

namespace ttt::inline v2 {

/// Whether `text` is as `pattern` says: `*` stands for any characters, none included, `?` for any one character, and
/// every other character for itself. Takes at most the product of the two lengths in steps.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace ttt::inline v2
