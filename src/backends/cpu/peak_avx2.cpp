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

constexpr int kByteChains = 8;

/// Products of bytes, added in pairs to words, and the words added up. By twos, as Zen deals instructions out to two
/// schedulers in turn, and every other one would give one of them all products.
void int8(std::int64_t iterations) {
  __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(-5);
  __m256i sums[kByteChains];
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  const auto product = [&] {
    asm volatile("" : "+x"(a));  // or one product would serve all sums
    __m256i pairs = _mm256_maddubs_epi16(a, b);
    asm volatile("" : "+x"(pairs));  // in this order
    return pairs;
  };
  for (std::int64_t i = 0; i < iterations; ++i)
#pragma GCC unroll 8
    for (int c = 0; c < kByteChains; c += 2) {
      const __m256i first = product(), second = product();
      sums[c] = _mm256_add_epi16(sums[c], first);
      sums[c + 1] = _mm256_add_epi16(sums[c + 1], second);
    }
  for (auto& sum : sums) asm volatile("" : : "x"(sum));
}

constexpr std::array<PeakKernel, 2> kKernels{
    {{"avx2 f32", true, 2.0 * 8 * kChains, fused_multiply_add}, {"avx2 int8", false, 2.0 * 32 * kByteChains, int8}}};

}  // namespace

std::span<const PeakKernel> avx2_peak_kernels() { return kKernels; }

}  // namespace ttt::cpu
