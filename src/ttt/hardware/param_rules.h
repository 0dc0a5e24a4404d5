#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace ttt::inline v2 {

/// One row of a backend's tuning table: on devices that match, `operation`'s parameter `key` is `value`. Tables are
/// ordered, most specific first; the first row that matches wins.
struct ParamRule {
  std::string_view operation;  ///< "attention"
  std::string_view key;        ///< "page_size"
  std::string_view isa;        ///< empty: any
  std::string_view feature;    ///< empty: any
  std::int64_t value;          ///< of the parameter
};

}  // namespace ttt::inline v2
