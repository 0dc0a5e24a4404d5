#include "ttt/core/version.h"

#include <fmt/format.h>

namespace ttt::inline v2 {

std::string_view version() {
  static const auto text =
      fmt::format("{}.{}.{}{}", TTT_VERSION_MAJOR, TTT_VERSION_MINOR, TTT_VERSION_PATCH, TTT_VERSION_SUFFIX);
  return text;
}

}  // namespace ttt::inline v2
