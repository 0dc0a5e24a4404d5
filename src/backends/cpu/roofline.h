#pragma once
#include "cpu_device.h"
#include "ttt/hardware/roofline.h"

namespace ttt::cpu {

/// Device::measure_read_rate of this backend.
double measure_read_rate(CpuDevice& device, std::uint64_t working_set);
/// Device::measure_peaks of this backend.
std::vector<Roofline::Peak> measure_peaks(CpuDevice& device);

}  // namespace ttt::cpu
