#pragma once
#include <cstdint>
#include <string>

#include "ttt/hardware/device_config.h"

namespace ttt::inline v2 {

/// What a model will need on a device, known before anything is loaded. All in bytes.
struct MemoryPlan {
  std::string device;       ///< the name of the device that it is for
  std::uint64_t weights;    ///< packed, as kernels read them
  std::uint64_t cache;      ///< keys and values of the whole context
  std::uint64_t workspace;  ///< scratch of the largest step
  std::uint64_t available;  ///< 0: unknown, everything fits

  std::uint64_t total() const { return weights + cache + workspace; }   ///< all three
  bool fits() const { return available == 0 || total() <= available; }  ///< whether that is no more than `available`
  /// Throws DeviceError with all the numbers, and what to change, when it does not fit.
  void check() const;
  /// One line per item.
  std::string table() const;
};

/// "1.5 GiB", "320.0 MiB", "12 bytes".
std::string format_bytes(std::uint64_t bytes);

}  // namespace ttt::inline v2
