// Speed of each op at the sizes of published models: the cases that the tests hold against the references.
//
// usage: bench_ops [--threads N] [--isa LEVEL] [Google Benchmark's options]
// Counters are of the best run; ops that read no weights, keys or values have none.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "machine.h"
#include "op_cases.h"

namespace {

using namespace ttt;

/// Instances of one case, so that one call's weights are not the last's.
struct Copies {
  std::string of;
  Work work{};  ///< of one run
  std::vector<std::unique_ptr<test::OpInstance>> instances;
};

void make_copies(const bench::Machine& machine, const test::OpCase& c, Copies& copies) {
  constexpr std::size_t kMost = 64;
  copies.instances.clear();
  copies.of = c.name;
  do {
    copies.instances.push_back(c.make(*machine.device));
    machine.work->reset();
    copies.instances.back()->run();
    copies.work = machine.work->total();
  } while (copies.work.bytes > 0 && copies.instances.size() < kMost &&
           copies.instances.size() * copies.work.bytes < bench::kColdBytes);
}

void bench_op(benchmark::State& state, const bench::Machine& machine, const test::OpCase& c, Copies& copies) {
  if (copies.of != c.name) make_copies(machine, c, copies);
  double best = 1e30;
  std::size_t next = 0;
  for (auto _ : state) {
    auto& instance = *copies.instances[++next % copies.instances.size()];
    const auto start = std::chrono::steady_clock::now();
    instance.run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    state.SetIterationTime(seconds);
    best = std::min(best, seconds);
  }
  if (copies.work.bytes > 0) machine.set_counters(state, copies.work, best);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const bench::Machine machine(bench::read_arguments(argc, argv));
  const auto cases = test::op_cases();
  Copies copies;
  for (const auto& c : cases)
    benchmark::RegisterBenchmark(c.name.c_str(), [&](benchmark::State& s) { bench_op(s, machine, c, copies); })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
}
