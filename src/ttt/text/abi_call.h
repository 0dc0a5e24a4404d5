#pragma once
#include <string>

#include "ttt/core/error.h"
#include "ttt/text/ttt_text_abi.h"

namespace ttt::inline v2::text {

inline std::string take(ttt_bytes bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data), bytes.len);
  ttt_text_free_bytes(bytes);
  return text;
}

/// Calls an ABI function that ends in (out, error); throws E(where, message) when it fails.
template <class E, class Out, class F, class... Args>
Out call(const std::string& where, F function, Args... args) {
  Out out{};
  ttt_bytes error{};
  if (!function(args..., &out, &error)) throw E(where, take(error));
  return out;
}

inline const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace ttt::inline v2::text
