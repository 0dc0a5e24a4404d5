#pragma once
#include "ttt/hardware/device_config.h"

namespace ttt::cpu {

/// Which kernels a device runs.
struct Isa {
  enum class Level { generic, avx2, avx_vnni, avx512 };
  Level level = Level::generic;
  bool vnni = false;  ///< AVX-512 VNNI
  bool bf16 = false;  ///< AVX-512 BF16
  bool amx = false;   ///< AMX and AVX-512, both with bf16
};

/// The kernels for a config's level and features. "amx" runs the AVX-512 kernels, and AMX for many tokens. Throws
/// DeviceError for an unknown level or one that this machine lacks.
Isa select_isa(const DeviceConfig& config);

}  // namespace ttt::cpu
