#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <vector>

#include "ttt/core/log.h"
#include "ttt/core/tensor.h"
#include "ttt/hardware/device_config.h"
#include "ttt/hardware/op_trace.h"
#include "ttt/hardware/roofline.h"
#include "ttt/hardware/work_counter.h"

namespace ttt::inline v2 {

namespace ops {
class KernelTable;
}

/// `standard`: the fastest arithmetic that keeps a model's quality (int8 or bf16 products, f32 sums).
/// `exact`: f32 throughout, to agree with a float32 reference.
/// `fast`: as standard, with activations in 8 bits instead of 15 in every layer whose weights are integers (or bf16, on
/// AVX-512 BF16, in every step), not only in wide ones, where standard takes them. Small models may then answer
/// otherwise where two tokens are nearly as likely.
enum class Precision { standard, exact, fast };

/// `on`: a token's result has the same bits whoever else is in the batch and however a prompt is cut in chunks.
enum class BatchInvariance { off, on };

/// How a device is opened.
struct DeviceOptions {
  int threads = 0;                                          ///< 0: all cores of the config
  Precision precision = Precision::standard;                ///< how exactly kernels compute
  BatchInvariance batch_invariance = BatchInvariance::off;  ///< implied by Precision::exact
  LogSink log = stderr_log();                               ///< receives what the device has to say
  std::shared_ptr<WorkCounter> work_counter = nullptr;      ///< told of the work of every op; null: nobody counts
  std::shared_ptr<OpTrace> op_trace = nullptr;              ///< told of every op; null: nobody watches
  /// Folder in which packed weights are kept for the next start, which maps them; empty: none. The same weights packed
  /// the same way are found again, whatever file they came from. One that cannot be used is a DeviceError.
  std::filesystem::path packed_cache = {};
};

/// Memory, threads and kernels of one device. Blocks reach it through ops only. Safe to share between threads:
/// kernels called at the same time take turns.
class Device {
 public:
  /// Opens a device. Throws DeviceError when no backend in this build can open it.
  static std::unique_ptr<Device> open(DeviceConfig config, DeviceOptions options = {});

  virtual ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceConfig& config() const { return config_; }  ///< what it is
  /// As it was opened; batch_invariance is on under Precision::exact.
  const DeviceOptions& options() const { return options_; }
  virtual const ops::KernelTable& kernels() const = 0;  ///< which kernel runs an op
  virtual int num_threads() const = 0;                  ///< that one op is shared out to

  /// Uninitialised device memory, 64-byte aligned. Throws DeviceError with the size when there is none.
  virtual std::shared_ptr<std::byte> allocate(std::size_t bytes) = 0;
  /// The tensor's elements in f32 in device memory; null for a tensor without data.
  virtual std::shared_ptr<const float> upload(const Tensor& tensor) = 0;

  /// Measures how fast the device reads `working_set` bytes of its memory over and over, in bytes per second; allocates
  /// as many for that, which the device may keep. Takes some tenths of a second. Throws DeviceError where there is no
  /// such memory, or the backend has no way to tell.
  virtual double measure_read_rate(std::uint64_t working_set);
  /// Measures its multiply-adds, a tenth of a second each. Throws DeviceError where the backend has no way to tell.
  virtual std::vector<Roofline::Peak> measure_peaks();
  /// Both.
  Roofline measure_roofline(std::uint64_t working_set);

 protected:
  /// For backends: keeps both, and turns batch_invariance on under Precision::exact.
  Device(DeviceConfig config, DeviceOptions options);

 private:
  DeviceConfig config_;
  DeviceOptions options_;
};

}  // namespace ttt::inline v2
