#include "v1_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ttt/core/error.h"

namespace ttt::app::v1 {
namespace {

// determine_device_name of version 1's model_config.py.
constexpr std::array<MeshDevice, 11> kMeshDevices{{{"N150", "wormhole_b0", 1},
                                                   {"N300", "wormhole_b0", 2},
                                                   {"N150x4", "wormhole_b0", 4},
                                                   {"T3K", "wormhole_b0", 8},
                                                   {"TG", "wormhole_b0", 32},
                                                   {"P100", "blackhole", 1},
                                                   {"P150", "blackhole", 1},
                                                   {"P300", "blackhole", 2},
                                                   {"P150x4", "blackhole", 4},
                                                   {"P150x8", "blackhole", 8},
                                                   {"BHGLX", "blackhole", 32}}};

}  // namespace

const MeshDevice& find_mesh_device(const std::string& name) {
  const auto found = std::ranges::find(kMeshDevices, name, &MeshDevice::name);
  if (found != kMeshDevices.end()) return *found;
  std::string names;
  for (const auto& device : kMeshDevices) names += fmt::format("{}{}", names.empty() ? "" : ", ", device.name);
  throw ConfigError("MESH_DEVICE", fmt::format("expected one of {}, got \"{}\"", names, name));
}

}  // namespace ttt::app::v1
