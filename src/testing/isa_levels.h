#pragma once
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
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

/// A level whose weights in f16 and bf16 meet `words_min_tokens` as words, and never anything faster.
inline std::unique_ptr<Device> open_with_words(const std::string& isa, std::int64_t words_min_tokens,
                                               BatchInvariance invariance = BatchInvariance::off, int threads = 2,
                                               Params linear = {}) {
  auto config = DeviceConfig::named("x86-" + isa);
  linear["amx_min_tokens"] = linear["bf16_min_tokens"] = LinearParams::never;
  linear["words_min_tokens"] = words_min_tokens;
  config.overrides["linear"] = std::move(linear);
  return Device::open(std::move(config), {.threads = threads, .batch_invariance = invariance, .log = silent_log()});
}

}  // namespace ttt::test
