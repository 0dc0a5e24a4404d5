#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "ttt/formats/weight_formats.h"

namespace ttt::app {

/// What a settings file says (JSON; docs/formats.md). Every key may be left out.
struct Settings {
  WeightFormats weight_formats;
  std::optional<std::string> kv_dtype;  ///< one of cache_dtype_names()
  std::optional<std::string> device;
  std::string device_params;  ///< a JSON object for DeviceConfig::parse_overrides; empty: none

  /// Throws FormatError for a file that cannot be read, ConfigError for an unknown key or a value that is not one.
  static Settings read(const std::filesystem::path& file);
  /// Of a file's text; `where` names it in errors.
  static Settings parse(std::string_view text, const std::string& where);
};

}  // namespace ttt::app
