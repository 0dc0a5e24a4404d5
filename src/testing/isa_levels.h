#pragma once
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "ttt/hardware/cpu_features.h"
#include "ttt/hardware/device.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::test {

/// The instruction-set levels that this machine has, printed once so that a log tells what ran.
inline std::vector<std::string> isa_levels() {
  static const auto levels = [] {
    const auto found = detect_cpu_features().levels;
    for (const auto& level : found) std::printf("instruction-set level that runs here: %s\n", level.c_str());
    return found;
  }();
  return levels;
}

inline std::unique_ptr<Device> open_level(const std::string& isa, Precision precision, int threads = 2,
                                          BatchInvariance invariance = BatchInvariance::off) {
  auto config = DeviceConfig::named("x86-" + isa);
  return Device::open(
      std::move(config),
      {.threads = threads, .precision = precision, .batch_invariance = invariance, .log = silent_log()});
}

}  // namespace ttt::test
