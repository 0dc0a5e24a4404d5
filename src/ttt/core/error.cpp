#include "ttt/core/error.h"

#include <fmt/format.h>

namespace ttt::inline v2 {

Error::Error(std::string_view where, std::string_view what) : std::runtime_error(fmt::format("[{}] {}", where, what)) {}

FormatError::FormatError(std::string_view path, std::string_view what) : Error(path, what) {}

FormatError::FormatError(std::string_view path, std::uint64_t offset, std::string_view what)
    : Error(path, fmt::format("at byte {}: {}", offset, what)) {}

}  // namespace ttt::inline v2
