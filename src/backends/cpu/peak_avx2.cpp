#include <immintrin.h>

#include <array>

#include "peak_kernels.h"

namespace ttt::cpu {
namespace {

constexpr int kChains = 12;  // two units, latency of four or five

void fused_multiply_add(std::int64_t iterations) {
  const __m256 factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(0.001f);
  __m256 sums[kChains];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  for (std::int64_t i = 0; i < iterations; ++i)
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, factor, term);
  for (auto& sum : sums) asm volatile("" : : "x"(sum));
}

/// Products of bytes, added in pairs to words, and the words added up.
void int8(std::int64_t iterations) {
  __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(-5);
  __m256i sums[kChains];
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  for (std::int64_t i = 0; i < iterations; ++i)
    for (auto& sum : sums) {
      asm volatile("" : "+x"(a));  // or one product would serve all sums
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(a, b));
    }
  for (auto& sum : sums) asm volatile("" : : "x"(sum));
}

constexpr std::array<PeakKernel, 2> kKernels{
    {{"avx2 f32", true, 2.0 * 8 * kChains, fused_multiply_add}, {"avx2 int8", false, 2.0 * 32 * kChains, int8}}};

}  // namespace

std::span<const PeakKernel> avx2_peak_kernels() { return kKernels; }

}  // namespace ttt::cpu
