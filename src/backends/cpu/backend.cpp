#include "ttt/hardware/backend.h"

#include <array>

#include "cpu_device.h"

namespace ttt::inline v2 {
namespace {

constexpr std::array<ParamRule, 5> kCpuRules{{
    {"attention", "page_size", "", "", 64},
    {"attention", "kv_split", "", "", 512},
    {"linear", "rows_per_task", "", "", 64},
    {"linear", "tokens_per_tile", "", "", 256},
    {"prefill", "chunk", "", "", 512},
}};

std::unique_ptr<Device> open_cpu(DeviceConfig config, DeviceOptions options) {
  return std::make_unique<cpu::CpuDevice>(std::move(config), std::move(options));
}

}  // namespace

extern const Backend cpu_backend;
const Backend cpu_backend{"cpu", kCpuRules, open_cpu};

}  // namespace ttt::inline v2
