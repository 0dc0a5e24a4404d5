#include "cpu_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <thread>

#include "attention.h"
#include "linear.h"
#include "moe.h"
#include "norm.h"
#include "packed_matrix.h"
#include "softcap.h"
#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/hardware/memory_plan.h"
#include "ttt/ops/elementwise.h"

namespace ttt::cpu {

namespace {

/// CPUs that can run threads of this process: no more than it may be scheduled on, nor than two hyper-threads for each
/// core that its quota allows.
int usable_cpus(const DeviceConfig& config) {
  const auto scheduled = static_cast<int>(std::thread::hardware_concurrency());  // 0: unknown
  return scheduled > 0 ? std::min(scheduled, 2 * config.num_cores) : 2 * config.num_cores;
}

DeviceError no_room(const DeviceConfig& config, std::size_t bytes) {
  return {config.name, fmt::format("cannot allocate {}", format_bytes(bytes))};
}

}  // namespace

CpuDevice::CpuDevice(DeviceConfig config, DeviceOptions options)
    : Device(std::move(config), std::move(options)),
      isa_(select_isa(this->config())),
      linear_params_(this->config().optimal_params<LinearParams>()),
      attention_params_(this->config().optimal_params<AttentionParams>()),
      pool_(this->options().threads > 0 ? this->options().threads : this->config().num_cores,
            usable_cpus(this->config())),
      kernels_(this->options().log) {
  if (const int usable = usable_cpus(this->config()); num_threads() > usable)
    this->options().log(LogLevel::warning,
                        fmt::format("{} threads take turns on {} usable CPUs, which is slow; no more "
                                    "threads than CPUs are of use",
                                    num_threads(), usable));
  if (const auto& folder = this->options().packed_cache; !folder.empty())
    packed_cache_.emplace(folder, this->options().log);
  kernels_.set<ops::PackMatrix>(pack_matrix);
  kernels_.set<ops::Linear>(linear);
  kernels_.set<ops::GatedLinear>(gated_linear);
  kernels_.set<ops::Embed>(embed);
  kernels_.set<ops::RmsNorm>(rms_norm);
  kernels_.set<ops::LayerNorm>(layer_norm);
  kernels_.set<ops::Route>(route);
  kernels_.set<ops::Experts>(experts);
  kernels_.set<ops::Softcap>(softcap);
  // Small beside the matrices around them: the reference is the kernel.
  kernels_.set<ops::Copy>(ops::Copy::reference);
  kernels_.set<ops::AddGated>(ops::AddGated::reference);
  register_attention_kernels(kernels_);
}

std::shared_ptr<std::byte> CpuDevice::allocate(std::size_t bytes) try {
  return internal::allocate_bytes(bytes);
} catch (const std::bad_alloc&) {
  throw no_room(config(), bytes);
}

std::shared_ptr<std::byte> CpuDevice::allocate_weights(std::size_t bytes) try {
  return weights_.allocate(bytes);
} catch (const std::bad_alloc&) {
  throw no_room(config(), bytes);
}

std::shared_ptr<const float> CpuDevice::upload(const Tensor& tensor) {
  if (!tensor.has_data()) return nullptr;
  const auto count = static_cast<std::size_t>(tensor.shape().count());
  auto memory = allocate(count * sizeof(float));
  auto* values = reinterpret_cast<float*>(memory.get());
  dequantize(tensor.dtype(), tensor.bytes(), {values, count});
  return {memory, values};
}

double CpuDevice::measure_read_rate(std::uint64_t working_set) {
  return cpu::measure_read_rate(*this, working_set, read_memory_);
}

std::vector<Roofline::Peak> CpuDevice::measure_peaks() { return cpu::measure_peaks(*this); }

}  // namespace ttt::cpu
