#pragma once
#include <string_view>

/// The version of these headers. CMake reads it from here.
#define TTT_VERSION_MAJOR 2
#define TTT_VERSION_MINOR 0
#define TTT_VERSION_PATCH 0
/// Of a version before the release, as semantic versioning writes it; empty for a release.
#define TTT_VERSION_SUFFIX "-rc.1"

/// For `#if TTT_VERSION >= 20100`: 10000 * major + 100 * minor + patch.
#define TTT_VERSION (TTT_VERSION_MAJOR * 10000 + TTT_VERSION_MINOR * 100 + TTT_VERSION_PATCH)

namespace ttt::inline v2 {

/// The version of the library that is linked: "2.1.0", or "2.1.0-rc.1" before the release. It may be newer than the
/// headers that a program was compiled with, within one major version.
std::string_view version();

}  // namespace ttt::inline v2
