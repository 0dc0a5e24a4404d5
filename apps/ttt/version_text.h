#pragma once
#include <string>

namespace ttt::app {

/// What `ttt --version` prints: the version and commit, the backends, and the CPU's instruction-set level here.
std::string version_text();

}  // namespace ttt::app
