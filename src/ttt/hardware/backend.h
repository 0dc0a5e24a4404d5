#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "ttt/hardware/device.h"
#include "ttt/hardware/param_rules.h"

namespace ttt::inline v2 {

/// What a folder in `src/backends` gives the hardware layer.
struct Backend {
  std::string_view name;             ///< as in DeviceConfig::backend
  std::span<const ParamRule> rules;  ///< its tuning table, most specific first
  /// Opens a device; null for a backend that only plans.
  std::unique_ptr<Device> (*open)(DeviceConfig config, DeviceOptions options);
};

/// The backends of this build, listed by CMake.
std::span<const Backend* const> backends();

/// The backend of that name; throws DeviceError listing those there are.
const Backend& find_backend(std::string_view name);

}  // namespace ttt::inline v2
