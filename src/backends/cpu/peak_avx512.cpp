#include <immintrin.h>

#include <array>

#include "peak_kernels.h"

namespace ttt::cpu {
namespace {

constexpr int kChains = 12;  // two units, latency of four or five; few enough that the loop over them is unrolled

void f32(std::int64_t iterations) {
  const __m512 factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(0.001f);
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < iterations; ++i)
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, factor, term);
  for (auto& sum : sums) asm volatile("" : : "v"(sum));
}

void int8(std::int64_t iterations) {
  const __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-5);
  __m512i sums[kChains];
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  for (std::int64_t i = 0; i < iterations; ++i)
    for (auto& sum : sums) sum = _mm512_dpbusd_epi32(sum, a, b);
  for (auto& sum : sums) asm volatile("" : : "v"(sum));
}

void bf16(std::int64_t iterations) {
  const __m512i bits = _mm512_set1_epi16(0x3a83);  // about 0.001
  const auto factor = reinterpret_cast<__m512bh>(bits);
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < iterations; ++i)
    for (auto& sum : sums) sum = _mm512_dpbf16_ps(sum, factor, factor);
  for (auto& sum : sums) asm volatile("" : : "v"(sum));
}

constexpr std::array<PeakKernel, 1> kFloat{{{"avx512 f32", true, 2.0 * 16 * kChains, f32}}};
constexpr std::array<PeakKernel, 1> kInteger{{{"avx512_vnni", false, 2.0 * 64 * kChains, int8}}};
constexpr std::array<PeakKernel, 1> kBrain{{{"avx512_bf16", false, 2.0 * 32 * kChains, bf16}}};

}  // namespace

std::span<const PeakKernel> avx512_peak_kernels() { return kFloat; }
std::span<const PeakKernel> avx512_vnni_peak_kernels() { return kInteger; }
std::span<const PeakKernel> avx512_bf16_peak_kernels() { return kBrain; }

}  // namespace ttt::cpu
