// Speed of the linear op by format and number of tokens, over a matrix [8192, 2048] in default precision.
//
// usage: bench_linear [--threads N] [--isa LEVEL] [--table] [Google Benchmark's options]
// --table prints Markdown: bytes of weights read per second (and its share of the machine's read bandwidth, measured
// first with the same threads) and floating-point operations per second (2 * tokens * rows * cols), the best of the
// repetitions each.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "arguments.h"
#include "ttt/hardware/device.h"
#include "ttt/ops/kernel_table.h"
#include "ttt/ops/linear.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace {

using namespace ttt;

constexpr std::int64_t kRows = 8192, kCols = 2048;
constexpr std::array<std::int64_t, 4> kTokens{1, 8, 64, 512};
/// Weights rotate through this many bytes, more than any cache, so that each call reads memory as a model does.
constexpr std::size_t kColdBytes = std::size_t{256} << 20;

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void bench_linear(benchmark::State& state, Device& device, DType dtype) {
  const std::array<Tensor, 1> parts{testing::random_weight(dtype, kRows, kCols, 1)};
  std::vector<std::shared_ptr<const ops::PackedMatrix>> copies;
  do {
    copies.push_back(ops::run<ops::PackMatrix>(device, {.parts = parts}));
  } while (copies.size() * copies.front()->bytes() < kColdBytes);
  const std::int64_t tokens = state.range(0);
  const auto x = testing::random_values(static_cast<std::size_t>(tokens * kCols), 2);
  std::vector<float> y(static_cast<std::size_t>(tokens * kRows));
  std::size_t next = 0;
  double best = 1e30;
  for (auto _ : state) {
    const auto start = Clock::now();
    ops::run<ops::Linear>(
        device,
        {.weight = *copies[next++ % copies.size()], .x = {x.data(), tokens, kCols}, .y = {y.data(), tokens, kRows}});
    best = std::min(best, seconds_since(start));
  }
  const auto bytes = static_cast<double>(copies.front()->bytes());
  state.counters["bits"] = bytes * 8 / static_cast<double>(kRows * kCols);
  state.counters["best_GB/s"] = bytes / best * 1e-9;
  state.counters["best_GFLOP/s"] = 2.0 * static_cast<double>(tokens * kRows * kCols) / best * 1e-9;
}

/// Collects the counters and prints one row per format.
class TableReporter : public benchmark::BenchmarkReporter {
 public:
  explicit TableReporter(double bandwidth) : bandwidth_(bandwidth) {}
  bool ReportContext(const Context&) override {
    std::printf("| format | bits | M=1 GB/s | of memory |");
    for (const auto tokens : kTokens) std::printf(" M=%lld GFLOP/s |", static_cast<long long>(tokens));
    std::printf("\n|---|---|---|---|---|---|---|---|\n");
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const auto& run : runs) {
      const auto name = run.run_name.function_name + "/" + run.run_name.args;
      const std::string format = run.run_name.function_name;
      if (run.run_name.args == "1")
        std::printf("| %s | %.2f | %.1f | %.0f%% |", format.c_str(), run.counters.at("bits").value,
                    run.counters.at("best_GB/s").value, run.counters.at("best_GB/s").value * 1e11 / bandwidth_);
      std::printf(" %.0f |%s", run.counters.at("best_GFLOP/s").value,
                  run.run_name.args == std::to_string(kTokens.back()) ? "\n" : "");
      std::fflush(stdout);
    }
  }

 private:
  double bandwidth_;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const auto [threads, config, table] = bench::read_arguments(argc, argv, "--table");
  const auto device = Device::open(config, {.threads = threads});
  const double bandwidth = device->measure_read_rate(kColdBytes);
  std::printf("%s, %d threads, matrix [%lld, %lld], read bandwidth %.1f GB/s\n", config.isa.c_str(),
              device->num_threads(), static_cast<long long>(kRows), static_cast<long long>(kCols), bandwidth * 1e-9);
  for (const auto dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0, DType::q4_1, DType::q5_0,
                           DType::q5_1, DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k, DType::iq4_nl,
                           DType::mxfp4, DType::bfp8, DType::bfp4})
    for (const auto tokens : kTokens)
      benchmark::RegisterBenchmark(std::string(name(dtype)).c_str(),
                                   [&device, dtype](benchmark::State& s) { bench_linear(s, *device, dtype); })
          ->Arg(tokens)
          ->Unit(benchmark::kMillisecond);
  if (table) {
    TableReporter reporter(bandwidth);
    benchmark::RunSpecifiedBenchmarks(&reporter);
  } else {
    benchmark::RunSpecifiedBenchmarks();
  }
}
