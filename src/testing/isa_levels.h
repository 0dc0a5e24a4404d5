#pragma once
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
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

/// A level with AVX-512 BF16's dot product for weights in bf16, on processors whose rules do without it.
inline constexpr std::string_view kBf16Dots = "avx512_bf16";

/// Levels at which linear layers have kernels of their own.
inline std::vector<std::string> linear_levels() {
  auto levels = isa_levels();
  const auto here = DeviceConfig::auto_detect();
  if (here.has_feature("avx512_bf16") && here.has_feature("intel")) levels.emplace_back(kBf16Dots);
  return levels;
}

inline DeviceConfig level_config(const std::string& level) {
  auto config = DeviceConfig::named("x86-" + (level == kBf16Dots ? "avx512" : level));
  if (level == kBf16Dots) config.overrides["linear"]["bf16_min_tokens"] = 1;
  return config;
}

inline std::unique_ptr<Device> open_level(const std::string& isa, Precision precision, int threads = 2,
                                          BatchInvariance invariance = BatchInvariance::off) {
  return Device::open(
      level_config(isa),
      {.threads = threads, .precision = precision, .batch_invariance = invariance, .log = silent_log()});
}

/// A level whose weights in f16 and bf16 meet `words_min_tokens` as words, and never anything faster.
inline std::unique_ptr<Device> open_with_words(const std::string& isa, std::int64_t words_min_tokens,
                                               BatchInvariance invariance = BatchInvariance::off, int threads = 2,
                                               Params linear = {}) {
  auto config = level_config(isa);
  linear["amx_min_tokens"] = linear["bf16_min_tokens"] = LinearParams::never;
  linear["words_min_tokens"] = words_min_tokens;
  config.overrides["linear"] = std::move(linear);
  return Device::open(std::move(config), {.threads = threads, .batch_invariance = invariance, .log = silent_log()});
}

}  // namespace ttt::test
