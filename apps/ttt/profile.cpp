#include "profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

using Json = nlohmann::ordered_json;

double seconds(OpTrace::Clock::duration d) { return std::chrono::duration<double>(d).count(); }

double per_second(std::uint64_t amount, const OpShare& op) {
  return op.seconds > 0 ? static_cast<double>(amount) / op.seconds : 0;
}

}  // namespace

std::vector<OpShare> op_shares(const ProfiledRun& run) {
  const double total = seconds(run.end - run.begin);
  std::map<std::string_view, OpShare> by_name;
  double in_ops = 0;
  for (const auto& event : run.events) {
    auto& op = by_name[event.name];
    op.name = event.name;
    ++op.calls;
    op.seconds += seconds(event.end - event.begin);
    op.work.flops += event.work.flops;
    op.work.bytes += event.work.bytes;
    in_ops += seconds(event.end - event.begin);
  }
  std::vector<OpShare> ops;
  for (const auto& [name, op] : by_name) ops.push_back(op);
  std::ranges::sort(ops, std::greater{}, &OpShare::seconds);
  ops.push_back({"between ops", 0, total - in_ops, 0, {}});
  for (auto& op : ops) op.share = op.seconds / total;
  return ops;
}

std::string profile_text(const ProfiledRun& run) {
  std::string text = fmt::format("{}: {:.2f} ms\n", run.title, 1e3 * seconds(run.end - run.begin));
  for (const auto& op : op_shares(run))
    text += fmt::format("  {:<20} {:>7} calls {:>10.3f} ms {:>5.1f}% {:>8.2f} GB/s {:>8.3f} TFLOP/s\n", op.name,
                        op.calls, 1e3 * op.seconds, 100 * op.share, per_second(op.work.bytes, op) / 1e9,
                        per_second(op.work.flops, op) / 1e12);
  return text;
}

Json profile_json(const ProfiledRun& run) {
  auto ops = Json::array();
  for (const auto& op : op_shares(run))
    ops.push_back({{"op", op.name},
                   {"calls", op.calls},
                   {"seconds", op.seconds},
                   {"share", op.share},
                   {"gb_per_second", per_second(op.work.bytes, op) / 1e9},
                   {"tflops", per_second(op.work.flops, op) / 1e12}});
  return ops;
}

void write_trace(const std::vector<ProfiledRun>& runs, const std::string& file) {
  auto events = Json::array();
  int process = 0;
  for (const auto& run : runs) {
    ++process;
    const auto micros = [&](OpTrace::Clock::time_point at) { return 1e6 * seconds(at - runs.front().begin); };
    events.push_back(
        {{"name", "process_name"}, {"ph", "M"}, {"pid", process}, {"tid", 1}, {"args", {{"name", run.title}}}});
    for (const auto& event : run.events)
      events.push_back({{"name", event.name},
                        {"ph", "X"},
                        {"pid", process},
                        {"tid", 1},
                        {"ts", micros(event.begin)},
                        {"dur", 1e6 * seconds(event.end - event.begin)},
                        {"args", {{"flops", event.work.flops}, {"bytes", event.work.bytes}}}});
  }
  std::ofstream out(file);
  out << Json{{"displayTimeUnit", "ms"}, {"traceEvents", events}}.dump() << '\n';
  out.close();
  if (!out) throw FormatError(file, fmt::format("cannot be written: {}", std::generic_category().message(errno)));
}

}  // namespace ttt::app
