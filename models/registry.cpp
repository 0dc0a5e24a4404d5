#include "registry.h"

#include <array>

#include "llama3/llama.h"

namespace ttt::models {

std::span<const Family> families() {
  static constexpr std::array<Family, 1> kFamilies{{{"llama", load_llama}}};
  return kFamilies;
}

}  // namespace ttt::models
