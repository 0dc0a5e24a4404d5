#include "ttt/core/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace ttt::inline v2 {

namespace {

/// A zero byte, as a hostile file may bring one into a message, would end what `what()` tells.
std::string without_zeros(std::string text) {
  std::ranges::replace(text, '\0', ' ');
  return text;
}

}  // namespace

Error::Error(std::string_view where, std::string_view what)
    : std::runtime_error(without_zeros(fmt::format("[{}] {}", where, what))) {}

FormatError::FormatError(std::string_view path, std::string_view what) : Error(path, what) {}

FormatError::FormatError(std::string_view path, std::uint64_t offset, std::string_view what)
    : Error(path, fmt::format("at byte {}: {}", offset, what)) {}

}  // namespace ttt::inline v2
