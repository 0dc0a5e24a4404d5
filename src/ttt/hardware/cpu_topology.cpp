#include "ttt/hardware/cpu_topology.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace ttt {
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
    cores.emplace(read_line(topology / "physical_package_id").value_or("0"), core.value_or("cpu" + std::to_string(cpu)));
  }
  return static_cast<int>(cores.size());
}

/// CPUs' worth of time that the cgroup may use: v2 `cpu.max` "quota period", v1 two files.
std::optional<double> cgroup_cpus(const fs::path& root) {
  const auto ratio = [](const std::string& quota, const std::string& period) -> std::optional<double> {
    const double q = std::strtod(quota.c_str(), nullptr), p = std::strtod(period.c_str(), nullptr);
    if (q <= 0 || p <= 0) return std::nullopt;
    return q / p;
  };
  if (const auto line = read_line(root / "sys/fs/cgroup/cpu.max")) {
    std::istringstream in(*line);
    std::string quota, period;
    if (in >> quota >> period && quota != "max") return ratio(quota, period);
    return std::nullopt;
  }
  const auto quota = read_line(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const auto period = read_line(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota && period) return ratio(*quota, *period);
  return std::nullopt;
}

std::uint64_t memory(const fs::path& root) {
  std::uint64_t total = 0;
  std::ifstream meminfo(root / "proc/meminfo");
  std::string key;
  if (meminfo >> key >> total && key == "MemTotal:") total <<= 10;
  for (const char* file : {"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const auto line = read_line(root / file);
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
  if (const auto quota = cgroup_cpus(root)) cores = std::clamp(static_cast<int>(std::ceil(*quota)), 1, cores);
  const int first = allowed_cpus.empty() ? 0 : allowed_cpus.front();
  return {cores, memory(root), cache_bytes(root, first, "2"), cache_bytes(root, first, "3")};
}

}  // namespace ttt
