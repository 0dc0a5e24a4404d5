#pragma once
#include <optional>

#include "isa.h"
#include "packed_cache.h"
#include "roofline.h"
#include "thread_pool.h"
#include "ttt/core/allocate.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::cpu {

/// The cores and memory of this machine.
class CpuDevice final : public Device {
 public:
  /// Throws DeviceError when the config's instruction-set level is not this machine's.
  CpuDevice(DeviceConfig config, DeviceOptions options);

  const ops::KernelTable& kernels() const override { return kernels_; }
  int num_threads() const override { return pool_.size(); }
  std::shared_ptr<std::byte> allocate(std::size_t bytes) override;
  std::shared_ptr<const float> upload(const Tensor& tensor) override;
  double measure_read_rate(std::uint64_t working_set) override;
  std::vector<Roofline::Peak> measure_peaks() override;

  /// As `allocate`, for weights, which live as long as a model.
  std::shared_ptr<std::byte> allocate_weights(std::size_t bytes);

  ThreadPool& pool() { return pool_; }
  Isa isa() const { return isa_; }
  const LinearParams& linear_params() const { return linear_params_; }
  const AttentionParams& attention_params() const { return attention_params_; }
  /// Null: packed weights are not kept.
  PackedCache* packed_cache() { return packed_cache_ ? &*packed_cache_ : nullptr; }
  bool exact() const { return options().precision == Precision::exact; }

 private:
  internal::Arena weights_;
  ReadMemory read_memory_;
  Isa isa_;
  LinearParams linear_params_;
  AttentionParams attention_params_;
  ThreadPool pool_;
  std::optional<PackedCache> packed_cache_;
  ops::KernelTable kernels_;
};

/// The device behind a kernel of this backend.
inline CpuDevice& cpu_device(Device& device) { return static_cast<CpuDevice&>(device); }

}  // namespace ttt::cpu
