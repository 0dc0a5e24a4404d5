#include <immintrin.h>

#include <array>

#include "peak_kernels.h"

namespace ttt::cpu {
namespace {

constexpr int kChains = 12;  // two units, latency of four or five

void int8(std::int64_t iterations) {
  const __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-5);
  __m256i sums[kChains];
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  for (std::int64_t i = 0; i < iterations; ++i)
    for (auto& sum : sums) sum = _mm256_dpbusd_avx_epi32(sum, a, b);
  for (auto& sum : sums) asm volatile("" : : "x"(sum));
}

constexpr std::array<PeakKernel, 1> kKernels{{{"avx_vnni", false, 2.0 * 32 * kChains, int8}}};

}  // namespace

std::span<const PeakKernel> avx_vnni_peak_kernels() { return kKernels; }

}  // namespace ttt::cpu
