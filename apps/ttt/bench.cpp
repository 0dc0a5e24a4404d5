#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench_runner.h"
#include "cli.h"
#include "model_loader.h"
#include "profile.h"
#include "progress_bar.h"
#include "ttt/core/error.h"
#include "verbs.h"

namespace ttt::app {
namespace {

using Json = nlohmann::ordered_json;

/// One repetition: how long it took, what it could not do without, and which share of the roofline that was.
struct Sample {
  double seconds;
  Work work;
  double roofline_share;
};

/// The middle value, or the mean of the two in the middle.
double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double median_of(const std::vector<Sample>& samples, double Sample::* of) {
  std::vector<double> values;
  for (const auto& sample : samples) values.push_back(sample.*of);
  return median_of(std::move(values));
}

bool can_allocate(Device& device, std::uint64_t bytes) try {
  device.allocate(bytes);
  return true;
} catch (const DeviceError&) {
  return false;
}

/// How many bytes reading is measured with, which take memory beside the model: as many as it has, so that caches serve
/// both alike, but at most a GiB, which some server's caches hold, and half of what the model leaves.
std::uint64_t bytes_to_read(const MemoryPlan& plan, Device& device) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30, kFewest = std::uint64_t{1} << 20;
  auto bytes = std::min(plan.weights + plan.cache, kMost);
  if (plan.available > 0) {
    const auto left = plan.available - std::min(plan.available, plan.total());
    bytes = std::min(bytes, std::max(left / 2, kFewest));
  }
  while (bytes > kFewest && !can_allocate(device, bytes)) bytes /= 2;
  return bytes;
}

/// Each batch at each depth: every prompt length, then decoding.
std::vector<BenchCell> cells_of(const BenchOptions& o) {
  std::vector<BenchCell> cells;
  for (const auto depth : o.depth)
    for (const int batch : o.batch) {
      for (const auto n : o.prefill)
        if (n > 0) cells.push_back({BenchCell::Kind::prefill, n, depth, batch});
      if (o.decode > 0) cells.push_back({BenchCell::Kind::decode, o.decode, depth, batch});
    }
  return cells;
}

class Bench {
 public:
  Bench(const LoadedModel& loaded, WorkCounter& counter, OpTrace* trace, int repetitions)
      : runner_(loaded),
        counter_(counter),
        trace_(trace),
        repetitions_(repetitions),
        device_(*loaded.device),
        roofline_(device_.measure_roofline(bytes_to_read(loaded.plan, device_))),
        read_rates_{roofline_.bytes_per_second} {}

  /// Of memory at the median of read_rates().
  Roofline roofline() const {
    auto roofline = roofline_;
    roofline.bytes_per_second = median_of(read_rates_);
    return roofline;
  }
  /// Bytes per second that memory read at, before the first repetition and after each.
  const std::vector<double>& read_rates() const { return read_rates_; }
  /// The last repetition of each row so far; none without a trace.
  const std::vector<ProfiledRun>& profiles() const { return profiles_; }

  /// Measures one row, after a repetition that does not count.
  Json row(const BenchCell& cell) {
    ProgressBar bar(cell.kind_name());
    runner_.prepare(cell);
    std::vector<Sample> samples;
    for (int i = -1; i < repetitions_; ++i) {
      bar.update(static_cast<std::uint64_t>(i + 1), static_cast<std::uint64_t>(repetitions_ + 1));
      const auto sample = repeat(cell);
      if (i >= 0) samples.push_back(sample);
    }
    if (trace_ != nullptr) profiles_.push_back(last_run_);
    const auto tokens = static_cast<double>(cell.n * cell.batch);
    const auto [fastest, slowest] = std::ranges::minmax(samples, {}, &Sample::seconds);
    const auto seconds = median_of(samples, &Sample::seconds);
    const auto& work = fastest.work;  // the same in each
    Json row{{"kind", cell.kind_name()},
             {"n", cell.n},
             {"depth", cell.depth},
             {"batch", cell.batch},
             {"tokens_per_second",
              {{"min", tokens / slowest.seconds}, {"median", tokens / seconds}, {"max", tokens / fastest.seconds}}},
             {"gb_per_second", static_cast<double>(work.bytes) / seconds / 1e9},
             {"tflops", static_cast<double>(work.flops) / seconds / 1e12},
             {"roofline_share", median_of(samples, &Sample::roofline_share)}};
    if (trace_ != nullptr) row["profile"] = profile_json(last_run_);
    return row;
  }

 private:
  /// Runs the cell once. Its share of the roofline is the mean of those by what memory read before and after: shared
  /// machines read at another speed a second later.
  Sample repeat(const BenchCell& cell) {
    counter_.reset();
    if (trace_ != nullptr) trace_->take();
    const auto start = OpTrace::Clock::now();
    runner_.run(cell);
    const auto end = OpTrace::Clock::now();
    if (trace_ != nullptr) last_run_ = {cell.title(), start, end, trace_->take()};
    const auto work = counter_.total();
    runner_.rewind();
    const auto seconds = std::chrono::duration<double>(end - start).count();
    const auto before = roofline_.share(work, seconds);
    roofline_.bytes_per_second = device_.measure_read_rate(roofline_.working_set);
    read_rates_.push_back(roofline_.bytes_per_second);
    return {seconds, work, (before + roofline_.share(work, seconds)) / 2};
  }

  BenchRunner runner_;
  WorkCounter& counter_;
  OpTrace* trace_;  ///< null: no profiles
  int repetitions_;
  Device& device_;
  Roofline roofline_;  ///< of memory as measured last
  std::vector<double> read_rates_;
  ProfiledRun last_run_;
  std::vector<ProfiledRun> profiles_;
};

Json as_json(const Roofline& roofline) {
  auto peaks = Json::array();
  for (const auto& peak : roofline.peaks)
    peaks.push_back({{"instruction", peak.instruction}, {"flops_per_second", peak.flops_per_second}});
  return {{"bytes_per_second", roofline.bytes_per_second},
          {"working_set_bytes", roofline.working_set},
          {"flops_per_second", roofline.peak().flops_per_second},
          {"instruction", roofline.peak().instruction},
          {"peaks", peaks}};
}

std::string as_text(const Json& rows, const Bench& bench) {
  auto text = fmt::format("{:<8}{:>7}{:>8}{:>7}{:>13}{:>10}{:>10}{:>9}{:>10}{:>10}\n", "step", "n", "depth", "batch",
                          "median t/s", "min", "max", "GB/s", "TFLOP/s", "roofline");
  for (const auto& row : rows) {
    const auto& speed = row["tokens_per_second"];
    text += fmt::format("{:<8}{:>7}{:>8}{:>7}{:>13.1f}{:>10.1f}{:>10.1f}{:>9.2f}{:>10.3f}{:>9.1f}%\n",
                        row["kind"].get<std::string>(), row["n"].get<std::int64_t>(), row["depth"].get<std::int64_t>(),
                        row["batch"].get<int>(), speed["median"].get<double>(), speed["min"].get<double>(),
                        speed["max"].get<double>(), row["gb_per_second"].get<double>(), row["tflops"].get<double>(),
                        100 * row["roofline_share"].get<double>());
  }
  const auto roofline = bench.roofline();
  const auto [slowest, fastest] = std::ranges::minmax(bench.read_rates());
  return text + fmt::format("roofline: {:.2f} GB/s ({:.2f} to {:.2f}) reading {} over and over, {:.3f} TFLOP/s ({})\n",
                            roofline.bytes_per_second / 1e9, slowest / 1e9, fastest / 1e9,
                            format_bytes(roofline.working_set), roofline.peak().flops_per_second / 1e12,
                            roofline.peak().instruction);
}

}  // namespace

void run_bench(const BenchOptions& o) {
  const auto cells = cells_of(o);
  if (cells.empty()) throw UsageError("-p 0 -n 0 leaves nothing to measure; give one of them at least 1");
  if (!o.trace.empty()) check_writable(o.trace, {o.common.model, o.common.settings, o.common.device_params});
  std::int64_t length = 0;
  for (const auto& cell : cells) length = std::max(length, cell.depth + cell.n);
  const int batch = std::ranges::max(o.batch);
  const auto checkpoint = Checkpoint::open(o.common.model);
  const auto counter = std::make_shared<WorkCounter>();
  const auto trace = o.profile || !o.trace.empty() ? std::make_shared<OpTrace>() : nullptr;
  auto device_options = o.common.device_options();
  device_options.work_counter = counter;
  device_options.op_trace = trace;
  const auto loaded = load_model(
      checkpoint, o.common,
      {.tokens = length, .length = CacheNeed::Length::fixed, .sequences = batch, .logit_rows = batch}, device_options);
  Bench bench(loaded, *counter, trace.get(), o.repetitions);
  Json rows = Json::array();
  for (const auto& cell : cells) rows.push_back(bench.row(cell));
  if (!o.trace.empty()) write_trace(bench.profiles(), o.trace);
  if (!o.common.json) {
    std::string text = as_text(rows, bench);
    if (o.profile)
      for (const auto& run : bench.profiles()) text += '\n' + profile_text(run);
    return print_result(text);
  }
  print_result(to_text({{"rows", rows},
                        {"roofline", as_json(bench.roofline())},
                        {"device", loaded.device->config().name},
                        {"threads", loaded.device->num_threads()},
                        {"weight_bytes", loaded.plan.weights},
                        {"load_seconds", loaded.load_seconds}}));
}

}  // namespace ttt::app
