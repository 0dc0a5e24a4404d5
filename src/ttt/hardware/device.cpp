#include "ttt/hardware/device.h"

#include <fmt/format.h>

#include "ttt/core/error.h"
#include "ttt/hardware/backend.h"

namespace ttt::inline v2 {
namespace {

DeviceError no_roofline(const DeviceConfig& config) { return {config.name, "cannot measure its roofline"}; }

}  // namespace

Device::Device(DeviceConfig config, DeviceOptions options) : config_(std::move(config)), options_(std::move(options)) {
  if (options_.precision == Precision::exact) options_.batch_invariance = BatchInvariance::on;
}

Device::~Device() = default;

double Device::measure_read_rate(std::uint64_t) { throw no_roofline(config_); }

std::vector<Roofline::Peak> Device::measure_peaks() { throw no_roofline(config_); }

Roofline Device::measure_roofline(std::uint64_t working_set) {
  return {working_set, measure_read_rate(working_set), measure_peaks()};
}

std::unique_ptr<Device> Device::open(DeviceConfig config, DeviceOptions options) {
  const Backend& backend = find_backend(config.backend);
  if (backend.open == nullptr)
    throw DeviceError(config.name,
                      "is a planning target: this build has no kernels for it; use it with `inspect` only");
  return backend.open(std::move(config), std::move(options));
}

}  // namespace ttt::inline v2
