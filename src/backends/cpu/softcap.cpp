#include "softcap.h"

#include <algorithm>

#include "attention_kernels.h"
#include "cpu_device.h"

namespace ttt::cpu {

void softcap(Device& device, const ops::Softcap::Args& a) {
  constexpr std::int64_t kTaskValues = 4096;
  auto& cpu = cpu_device(device);
  const auto& kernels = attention_kernels(cpu.isa());
  const std::int64_t parts = (a.y.cols + kTaskValues - 1) / kTaskValues;
  cpu.pool().run(a.y.rows * parts, [&](std::int64_t task) {
    const std::int64_t first = task % parts * kTaskValues;
    kernels.softcap(a.cap, a.y.row(task / parts) + first, std::min(kTaskValues, a.y.cols - first));
  });
}

}  // namespace ttt::cpu
