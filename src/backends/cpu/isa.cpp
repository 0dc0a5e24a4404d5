#include "isa.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ttt/core/error.h"
#include "ttt/hardware/cpu_features.h"

namespace ttt::cpu {

Isa select_isa(const DeviceConfig& config) {
  const auto levels = detect_cpu_features().levels;
  if (std::ranges::find(levels, config.isa) == levels.end())
    throw DeviceError(config.name, fmt::format("needs instruction-set level '{}'; this machine has {}", config.isa,
                                               fmt::join(levels, ", ")));
  if (config.isa == "generic") return {};
  if (config.isa == "avx2") return {.level = Isa::Level::avx2};
  if (config.isa == "avx_vnni") return {.level = Isa::Level::avx_vnni};
  return {.level = Isa::Level::avx512,
          .vnni = config.has_feature("avx512_vnni"),
          .bf16 = config.has_feature("avx512_bf16"),
          .amx = config.isa == "amx" && config.has_feature("amx_bf16") && config.has_feature("avx512_bf16")};
}

}  // namespace ttt::cpu
