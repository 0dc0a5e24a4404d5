#include "version_text.h"

#include <fmt/format.h>

#include <vector>

#include "commit.h"
#include "ttt/core/version.h"
#include "ttt/hardware/backend.h"
#include "ttt/hardware/cpu_features.h"

namespace ttt::app {

std::string version_text() {
  std::vector<std::string> names;
  for (const auto* backend : backends())
    names.push_back(fmt::format("{}{}", backend->name, backend->open ? "" : " (plans only)"));
  return fmt::format("ttt {} (commit {})\nbackends: {}\nCPU level: {}", version(), TTT_COMMIT, fmt::join(names, ", "),
                     detect_cpu_features().levels.back());
}

}  // namespace ttt::app
