#include "planned_device.h"

#include "ttt/core/error.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::app {
namespace {

class PlannedDevice final : public Device {
 public:
  PlannedDevice(DeviceConfig config, DeviceOptions options)
      : Device(std::move(config), std::move(options)), kernels_(silent_log()) {}
  const ops::KernelTable& kernels() const override { return kernels_; }
  int num_threads() const override { return 1; }
  std::shared_ptr<std::byte> allocate(std::size_t) override {
    throw DeviceError(config().name, "is only planned for, not opened");
  }
  std::shared_ptr<const float> upload(const Tensor&) override { return nullptr; }

 private:
  ops::KernelTable kernels_;
};

}  // namespace

std::unique_ptr<Device> open_or_plan(const DeviceConfig& config, const DeviceOptions& options) {
  try {
    return Device::open(config, options);
  } catch (const DeviceError&) {
    return std::make_unique<PlannedDevice>(config, options);
  }
}

}  // namespace ttt::app
