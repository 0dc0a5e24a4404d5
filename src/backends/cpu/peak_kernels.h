#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ttt/hardware/device_config.h"

namespace ttt::cpu {

/// A chain of one multiply-add instruction, or of two where no one does both, in registers, wide enough to keep its
/// units busy.
struct PeakKernel {
  std::string_view instruction;
  bool exact;    ///< in f32
  double flops;  ///< of one iteration; a multiply-add is two
  void (*run)(std::int64_t iterations);
};

/// The instructions of a config's level and features.
std::vector<PeakKernel> peak_kernels(const DeviceConfig& config);

std::span<const PeakKernel> generic_peak_kernels();
std::span<const PeakKernel> avx2_peak_kernels();
std::span<const PeakKernel> avx_vnni_peak_kernels();     ///< int8
std::span<const PeakKernel> avx512_peak_kernels();       ///< f32
std::span<const PeakKernel> avx512_vnni_peak_kernels();  ///< int8
std::span<const PeakKernel> avx512_bf16_peak_kernels();
std::span<const PeakKernel> amx_peak_kernels();  ///< int8 and bf16

}  // namespace ttt::cpu
