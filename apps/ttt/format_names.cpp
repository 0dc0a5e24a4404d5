#include "format_names.h"

#include "ttt/formats/quantize.h"

namespace ttt::app {

std::vector<std::string> cache_dtype_names() { return {"f32", "f16", "bf16", "q8"}; }

std::vector<std::string> weight_format_names() {
  std::vector<std::string> names;
  for (const auto format : load_formats()) names.emplace_back(name(format));
  return names;
}

}  // namespace ttt::app
