#pragma once
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <memory>

#include "arguments.h"
#include "ttt/hardware/device.h"

namespace ttt::bench {

/// Weights rotate through this many bytes, more than most caches hold, as they do in a model.
constexpr std::uint64_t kColdBytes = std::uint64_t{192} << 20;

/// The device that is timed, what its ops cannot do without, and the most it could do. Says on stdout what was
/// measured.
struct Machine {
  std::shared_ptr<WorkCounter> work = std::make_shared<WorkCounter>();
  std::unique_ptr<Device> device;
  Roofline roofline;

  explicit Machine(const Arguments& arguments)
      : device(Device::open(arguments.config, {.threads = arguments.threads, .work_counter = work})),
        roofline(device->measure_roofline(kColdBytes)) {
    std::printf("%s, %d threads: memory reads at %.1f GB/s, %s multiplies and adds at %.0f GFLOP/s\n",
                device->config().isa.c_str(), device->num_threads(), roofline.bytes_per_second * 1e-9,
                roofline.peak().instruction.c_str(), roofline.peak().flops_per_second * 1e-9);
  }

  /// GB/s of weights, keys and values, GFLOP/s, and the least time this machine could take over `seconds`.
  void set_counters(benchmark::State& state, const Work& done, double seconds) const {
    state.counters["GB/s"] = static_cast<double>(done.bytes) / seconds * 1e-9;
    state.counters["GFLOP/s"] = static_cast<double>(done.flops) / seconds * 1e-9;
    state.counters["roofline"] = roofline.share(done, seconds);
  }
};

}  // namespace ttt::bench
