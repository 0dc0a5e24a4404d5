#pragma once
#include "cpu_device.h"
#include "ttt/hardware/roofline.h"

namespace ttt::cpu {

/// Device::measure_roofline of this backend.
Roofline measure_roofline(CpuDevice& device, std::uint64_t working_set);

}  // namespace ttt::cpu
