#pragma once
#include <string>
#include <vector>

namespace ttt::app {

/// What --kv-dtype takes.
std::vector<std::string> cache_dtype_names();
/// What --quantize takes beside "none", and a settings file.
std::vector<std::string> weight_format_names();

}  // namespace ttt::app
