#include "cpu_device.h"

#include <fmt/format.h>

#include <cstring>
#include <new>

#include "attention.h"
#include "linear.h"
#include "moe.h"
#include "norm.h"
#include "packed_matrix.h"
#include "roofline.h"
#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/hardware/memory_plan.h"
#include "ttt/ops/elementwise.h"

namespace ttt::cpu {

CpuDevice::CpuDevice(DeviceConfig config, DeviceOptions options)
    : Device(std::move(config), std::move(options)),
      isa_(select_isa(this->config())),
      pool_(this->options().threads > 0 ? this->options().threads : this->config().num_cores),
      kernels_(this->options().log) {
  kernels_.set<ops::PackMatrix>(pack_matrix);
  kernels_.set<ops::Linear>(linear);
  kernels_.set<ops::GatedLinear>(gated_linear);
  kernels_.set<ops::Embed>(embed);
  kernels_.set<ops::RmsNorm>(rms_norm);
  kernels_.set<ops::LayerNorm>(layer_norm);
  kernels_.set<ops::Experts>(experts);
  // Small beside the matrices around them: the reference is the kernel.
  kernels_.set<ops::Route>(ops::Route::reference);
  kernels_.set<ops::Copy>(ops::Copy::reference);
  kernels_.set<ops::AddGated>(ops::AddGated::reference);
  kernels_.set<ops::Softcap>(ops::Softcap::reference);
  register_attention_kernels(kernels_);
}

std::shared_ptr<std::byte> CpuDevice::allocate(std::size_t bytes) {
  constexpr std::align_val_t alignment{64};
  auto* memory = static_cast<std::byte*>(::operator new(bytes, alignment, std::nothrow));
  if (memory == nullptr) throw DeviceError(config().name, fmt::format("cannot allocate {}", format_bytes(bytes)));
  return {memory, [](std::byte* p) { ::operator delete(p, alignment); }};
}

std::shared_ptr<const float> CpuDevice::upload(const Tensor& tensor) {
  if (!tensor.has_data()) return nullptr;
  const auto count = static_cast<std::size_t>(tensor.shape().count());
  auto memory = allocate(count * sizeof(float));
  auto* values = reinterpret_cast<float*>(memory.get());
  dequantize(tensor.dtype(), tensor.bytes(), {values, count});
  return {memory, values};
}

Roofline CpuDevice::measure_roofline(std::uint64_t working_set) { return cpu::measure_roofline(*this, working_set); }

}  // namespace ttt::cpu
