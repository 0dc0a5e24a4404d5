#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace ttt::inline v2 {

/// What /sys and /proc say of the machine. `root` is "/" but for tests.
struct CpuTopology {
  int physical_cores;          ///< distinct cores among the allowed CPUs, bounded by the cgroup's quota
  std::uint64_t memory_bytes;  ///< total, bounded by the cgroup's limit
  std::uint64_t l2_bytes;      ///< of one core; 0 when unknown
  std::uint64_t l3_bytes;      ///< of one package; 0 when unknown
};

/// `allowed_cpus` are those that the process may run on (sched_getaffinity).
CpuTopology read_cpu_topology(const std::filesystem::path& root, const std::vector<int>& allowed_cpus);

}  // namespace ttt::inline v2
