#include "read_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ttt/core/error.h"
#include "ttt/formats/mapped_file.h"

namespace ttt::app {

namespace {

/// Keeping an object's keys in order takes time that grows with their square.
constexpr std::size_t kMostKeys = 10'000;

bool has_huge_object(const nlohmann::json& value) {
  if (value.is_object() && value.size() > kMostKeys) return true;
  return value.is_structured() && std::ranges::any_of(value, has_huge_object);
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.data().get()), file.size()};
}

}  // namespace

nlohmann::ordered_json parse_json(std::string_view text, const std::string& where) {
  ConfigReader::parse(text, where);
  if (has_huge_object(nlohmann::json::parse(text)))
    throw FormatError(where, fmt::format("has an object of more than {} keys", kMostKeys));
  return nlohmann::ordered_json::parse(text);
}

nlohmann::ordered_json read_json(const std::filesystem::path& file) {
  return parse_json(text_of(MappedFile::open(file)), file.string());
}

ConfigReader read_config(const std::filesystem::path& file) {
  return ConfigReader::parse(text_of(MappedFile::open(file)), file.string());
}

}  // namespace ttt::app
