#include "ttt/generation/stop_conditions.h"

#include <algorithm>
#include <utility>

#include "ttt/core/error.h"

namespace ttt::inline v2 {
namespace {

// Length of the longest end of `text` that begins `string` without being all of it.
std::size_t overlap(std::string_view text, std::string_view string) {
  for (auto n = std::min(text.size(), string.size() - 1); n > 0; --n)
    if (text.substr(text.size() - n) == string.substr(0, n)) return n;
  return 0;
}

}  // namespace

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  for (const auto& string : strings_)
    if (string.empty()) throw RequestError("stop", "a stop string must not be empty");
}

StopStrings::Result StopStrings::push(std::string_view piece) {
  held_ += piece;
  auto first = std::string::npos;
  for (const auto& string : strings_) first = std::min(first, held_.find(string));
  if (first != std::string::npos) {
    Result result{held_.substr(0, first), true};
    held_.clear();
    return result;
  }
  std::size_t keep = 0;
  for (const auto& string : strings_) keep = std::max(keep, overlap(held_, string));
  Result result{held_.substr(0, held_.size() - keep), false};
  held_.erase(0, held_.size() - keep);
  return result;
}

std::string StopStrings::flush() { return std::exchange(held_, {}); }

}  // namespace ttt::inline v2
