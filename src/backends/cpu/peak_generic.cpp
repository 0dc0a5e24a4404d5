#include <array>

#include "peak_kernels.h"

namespace ttt::cpu {
namespace {

constexpr int kChains = 32;

void multiply_add(std::int64_t iterations) {
  std::array<float, kChains> sums{};
  for (std::int64_t i = 0; i < iterations; ++i)
    for (auto& sum : sums) sum = sum * 0.999f + 0.001f;
  asm volatile("" : : "m"(sums));
}

constexpr std::array<PeakKernel, 1> kKernels{{{"f32 multiply and add", true, 2.0 * kChains, multiply_add}}};

}  // namespace

std::span<const PeakKernel> generic_peak_kernels() { return kKernels; }

}  // namespace ttt::cpu
