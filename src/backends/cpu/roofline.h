#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ttt/hardware/roofline.h"

namespace ttt::cpu {

class CpuDevice;

/// What measure_read_rate reads, kept for its next call: on some virtual machines, new pages take a hundred times as
/// long to get as to read.
struct ReadMemory {
  std::mutex mutex;  ///< held while it is read
  std::shared_ptr<std::byte> data;
  std::uint64_t bytes = 0;
};

/// Device::measure_read_rate of this backend.
double measure_read_rate(CpuDevice& device, std::uint64_t working_set, ReadMemory& memory);
/// Device::measure_peaks of this backend.
std::vector<Roofline::Peak> measure_peaks(CpuDevice& device);

}  // namespace ttt::cpu
