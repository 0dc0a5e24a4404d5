#include "roofline.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>

#include "cpu_device.h"
#include "peak_kernels.h"

namespace ttt::cpu {
namespace {

/// Reads all of it, `Streams` runs of 64 KiB at once, 256 bytes of each by turns: some processors read several streams
/// faster than one, others one.
template <std::size_t Streams>
std::uint64_t read_all(std::span<const std::uint64_t> words) {
  constexpr std::size_t kSums = 32;  // they hide the latency of an addition
  constexpr std::size_t kRun = 65536 / sizeof(std::uint64_t);
  std::array<std::uint64_t, kSums> sums{};
  const auto add = [&](std::size_t at) {
    for (std::size_t j = 0; j < kSums; ++j) sums[j] += words[at + j];
  };
  std::size_t first = 0;
  for (; first + Streams * kRun <= words.size(); first += Streams * kRun)
    for (std::size_t i = 0; i < kRun; i += kSums)
      for (std::size_t stream = 0; stream < Streams; ++stream) add(first + stream * kRun + i);
  for (; first + kSums <= words.size(); first += kSums) add(first);
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

/// Of runs long enough that starting the threads does not count.
double peak_rate(CpuDevice& device, const PeakKernel& kernel) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLong{2};
  const int threads = device.num_threads();
  std::int64_t iterations = 1024;
  const auto run = [&] { device.pool().run(threads, [&](std::int64_t) { kernel.run(iterations); }); };
  const auto is_short = [&] {
    const auto start = Clock::now();
    run();
    return Clock::now() - start < kLong;
  };
  while (is_short()) iterations *= 2;
  return best_rate(kernel.flops * static_cast<double>(iterations) * threads, run);
}

}  // namespace

std::vector<PeakKernel> peak_kernels(const DeviceConfig& config) {
  std::vector<PeakKernel> kernels;
  const auto add = [&](std::span<const PeakKernel> more) { kernels.insert(kernels.end(), more.begin(), more.end()); };
  add(generic_peak_kernels());
#if defined(__x86_64__)
  if (config.isa == "generic") return kernels;
  add(avx2_peak_kernels());
  if (config.isa == "avx2") return kernels;
  if (config.isa == "avx_vnni") {
    add(avx_vnni_peak_kernels());
    return kernels;
  }
  add(avx512_peak_kernels());
  if (config.has_feature("avx512_vnni")) add(avx512_vnni_peak_kernels());
  if (config.has_feature("avx512_bf16")) add(avx512_bf16_peak_kernels());
  if (config.has_feature("amx_int8") && config.has_feature("amx_bf16")) add(amx_peak_kernels());
#endif
  return kernels;
}

double measure_read_rate(CpuDevice& device, std::uint64_t working_set, ReadMemory& memory) {
  const auto threads = static_cast<std::uint64_t>(device.num_threads());
  constexpr std::uint64_t kSmallest = 4096, kLeastRead = std::uint64_t{64} << 20;
  const std::uint64_t slice = std::max(working_set / threads, kSmallest) / sizeof(std::uint64_t);
  const auto bytes = slice * threads * sizeof(std::uint64_t);
  const std::lock_guard lock(memory.mutex);
  const bool is_new = memory.bytes != bytes;
  if (is_new) {
    memory.bytes = 0;
    memory.data.reset();  // before as many more are taken
    memory.data = device.allocate(bytes);
    memory.bytes = bytes;
  }
  auto* words = reinterpret_cast<std::uint64_t*>(memory.data.get());
  // Written by the threads that read it, so that its pages are there and near.
  if (is_new)
    device.pool().run(static_cast<std::int64_t>(threads), [&](std::int64_t i) {
      std::memset(words + static_cast<std::uint64_t>(i) * slice, 1, slice * sizeof(std::uint64_t));
    });
  const auto passes = std::max<std::uint64_t>(1, kLeastRead / bytes);
  const auto rate_of = [&](auto read) {
    return best_rate(static_cast<double>(bytes * passes), [&] {
      device.pool().run(static_cast<std::int64_t>(threads), [&](std::int64_t i) {
        for (std::uint64_t pass = 0; pass < passes; ++pass) {
          const std::uint64_t sum = read({words + static_cast<std::uint64_t>(i) * slice, slice});
          asm volatile("" : : "r"(sum) : "memory");
        }
      });
    });
  };
  return std::max(rate_of(read_all<1>), rate_of(read_all<4>));
}

std::vector<Roofline::Peak> measure_peaks(CpuDevice& device) {
  std::vector<Roofline::Peak> peaks;
  for (const auto& kernel : peak_kernels(device.config()))
    if (kernel.exact || !device.exact()) peaks.push_back({std::string(kernel.instruction), peak_rate(device, kernel)});
  return peaks;
}

}  // namespace ttt::cpu
