#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

/// Internal to the .cpp files of this layer: no public header includes this one, so users never see the parser.
namespace ttt::internal {

/// Text that is not the JSON we accept; `offset` is the byte at which that showed.
struct JsonError : std::runtime_error {
  JsonError(std::size_t offset, const std::string& what) : std::runtime_error(what), offset(offset) {}
  std::size_t offset;
};

/// Parses RFC 8259 JSON, and rejects what it leaves open and a hostile file would use: duplicate keys, NaN and
/// infinite numbers, nesting over 64, text over `max_bytes`, invalid UTF-8.
nlohmann::json parse_strict_json(std::string_view text, std::size_t max_bytes);

/// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

}  // namespace ttt::internal
