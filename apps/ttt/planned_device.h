#pragma once
#include <memory>

#include "ttt/hardware/device.h"

namespace ttt::app {

/// The device, or where this machine cannot open it a stand-in that models can be planned on: it has no
/// kernels and no memory, and weights take the bytes they are stored with.
std::unique_ptr<Device> open_or_plan(const DeviceConfig& config, const DeviceOptions& options);

}  // namespace ttt::app
