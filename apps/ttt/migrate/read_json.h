#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "ttt/formats/config_reader.h"

namespace ttt::app {

/// JSON from outside: as strict as a config.json is read (bounded size and depth, no key twice), the keys in the order
/// of the text. Throws FormatError or ConfigError; `where` names the text.
nlohmann::ordered_json parse_json(std::string_view text, const std::string& where);
nlohmann::ordered_json read_json(const std::filesystem::path& file);
/// The same as a config.
ConfigReader read_config(const std::filesystem::path& file);

}  // namespace ttt::app
