#include "ttt/hardware/cpu_topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace ttt::inline v2 {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return line;
}

/// "1024K", "32M" or plain bytes.
std::uint64_t parse_size(const std::string& text) {
  std::uint64_t value = 0;
  std::istringstream in(text);
  if (!(in >> value)) return 0;
  char unit = 0;
  in >> unit;
  return unit == 'K' ? value << 10 : unit == 'M' ? value << 20 : unit == 'G' ? value << 30 : value;
}

/// Two CPUs that share package and core id are hyper-threads of one core.
int distinct_cores(const fs::path& root, const std::vector<int>& cpus) {
  std::set<std::pair<std::string, std::string>> cores;
  for (const int cpu : cpus) {
    const fs::path topology = root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "topology";
    const auto core = read_line(topology / "core_id");
    cores.emplace(read_line(topology / "physical_package_id").value_or("0"),
                  core.value_or("cpu" + std::to_string(cpu)));
  }
  return static_cast<int>(cores.size());
}

double quotient(const std::string& quota, const std::string& period) {
  const double q = std::strtod(quota.c_str(), nullptr), p = std::strtod(period.c_str(), nullptr);
  return q > 0 && p > 0 ? q / p : std::numeric_limits<double>::infinity();
}

/// The process's cgroup and those above it, each of which may set limits; in a container the topmost is its own. A line
/// of /proc/self/cgroup is "0::PATH" for version 2, and "N:CONTROLLERS:PATH" for a version 1 hierarchy, which is
/// mounted in a folder of a controller's name.
std::vector<fs::path> cgroups(const fs::path& root, std::string_view controller) {
  const fs::path mount = root / "sys/fs/cgroup";
  const auto wanted = fmt::format(",{},", controller);
  std::vector<fs::path> all{mount, mount / controller};
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const auto names = line.find(':'), path = line.find(':', names + 1);
    if (names == line.npos || path == line.npos) continue;
    const auto controllers = fmt::format(",{},", line.substr(names + 1, path - names - 1));
    if (controllers != ",," && controllers.find(wanted) == controllers.npos) continue;
    fs::path at = controllers == ",," ? mount : mount / controller;
    for (const auto& part : fs::path(line.substr(path + 1)).relative_path()) {
      if (part.empty() || part == "..") break;
      all.push_back(at /= part);
    }
  }
  return all;
}

/// CPUs' worth of time that the cgroups allow: `cpu.max` holds "quota period", version 1 has two files.
double cgroup_cpus(const fs::path& root) {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& group : cgroups(root, "cpu")) {
    std::istringstream in(read_line(group / "cpu.max").value_or("max"));
    std::string quota, period;
    if (in >> quota >> period && quota != "max") least = std::min(least, quotient(quota, period));
    const auto old_quota = read_line(group / "cpu.cfs_quota_us"), old_period = read_line(group / "cpu.cfs_period_us");
    if (old_quota && old_period) least = std::min(least, quotient(*old_quota, *old_period));
  }
  return least;
}

std::uint64_t memory(const fs::path& root) {
  std::uint64_t total = 0;
  std::ifstream meminfo(root / "proc/meminfo");
  std::string key;
  if (meminfo >> key >> total && key == "MemTotal:") total <<= 10;
  for (const auto& group : cgroups(root, "memory"))
    for (const auto* file : {"memory.max", "memory.limit_in_bytes"}) {
      const auto line = read_line(group / file);
      const std::uint64_t limit = line ? parse_size(*line) : 0;
      if (limit > 0) total = total == 0 ? limit : std::min(total, limit);
    }
  return total;
}

std::uint64_t cache_bytes(const fs::path& root, int cpu, const std::string& level) {
  const fs::path cache = root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "cache";
  for (int index = 0; index < 8; ++index) {
    const fs::path entry = cache / ("index" + std::to_string(index));
    if (read_line(entry / "level") == level && read_line(entry / "type") != "Instruction")
      return parse_size(read_line(entry / "size").value_or("0"));
  }
  return 0;
}

}  // namespace

CpuTopology read_cpu_topology(const fs::path& root, const std::vector<int>& allowed_cpus) {
  int cores = std::max(1, distinct_cores(root, allowed_cpus));
  cores = static_cast<int>(std::clamp(std::ceil(cgroup_cpus(root)), 1.0, static_cast<double>(cores)));
  const int first = allowed_cpus.empty() ? 0 : allowed_cpus.front();
  return {cores, memory(root), cache_bytes(root, first, "2"), cache_bytes(root, first, "3")};
}

}  // namespace ttt::inline v2
