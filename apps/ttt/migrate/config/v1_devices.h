#pragma once
#include <string>
#include <string_view>

namespace ttt::app::v1 {

/// A value of MESH_DEVICE: so many chips of an architecture that version 2 names as a planning target.
struct MeshDevice {
  std::string_view name, architecture;
  int chips;
};

/// Throws ConfigError when version 1 had no such mesh, naming those it had.
const MeshDevice& find_mesh_device(const std::string& name);

}  // namespace ttt::app::v1
