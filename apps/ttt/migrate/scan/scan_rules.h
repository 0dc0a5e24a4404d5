#pragma once
#include <span>
#include <string_view>

#include "source.h"

namespace ttt::app {

/// A pattern of version 1's model code, and what stands in its place now.
struct ScanRule {
  std::string_view name;
  bool (*matches)(const Source& source, std::size_t token);  ///< whether that token shows the pattern
  std::string_view instead;
};

/// In the order in which they are tried.
std::span<const ScanRule> scan_rules();

}  // namespace ttt::app
