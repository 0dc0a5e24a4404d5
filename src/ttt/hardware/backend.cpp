#include "ttt/hardware/backend.h"

#include <fmt/format.h>

#include "ttt/core/error.h"

namespace ttt::inline v2 {

const Backend& find_backend(std::string_view name) {
  std::string known;
  for (const Backend* backend : backends()) {
    if (backend->name == name) return *backend;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", backend->name);
  }
  throw DeviceError("backend", fmt::format("no backend '{}' in this build; there are: {}", name, known));
}

}  // namespace ttt::inline v2
