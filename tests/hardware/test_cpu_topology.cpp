#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "ttt/hardware/cpu_topology.h"

namespace ttt {
namespace {

/// A /sys and /proc of our own.
class FakeMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() /
            ("ttt-topology-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(root_);
    write("proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void add_cpu(int cpu, int core, int package = 0) {
    const auto folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu);
    write(folder + "/topology/core_id", std::to_string(core) + "\n");
    write(folder + "/topology/physical_package_id", std::to_string(package) + "\n");
    const std::vector<std::array<std::string, 3>> caches{
        {"1", "Data", "32K"}, {"1", "Instruction", "32K"}, {"2", "Unified", "1024K"}, {"3", "Unified", "32M"}};
    for (std::size_t i = 0; i < caches.size(); ++i) {
      const auto index = folder + "/cache/index" + std::to_string(i);
      write(index + "/level", caches[i][0] + "\n");
      write(index + "/type", caches[i][1] + "\n");
      write(index + "/size", caches[i][2] + "\n");
    }
  }
  CpuTopology read(const std::vector<int>& allowed) const { return read_cpu_topology(root_, allowed); }

  std::filesystem::path root_;
};

TEST_F(FakeMachine, HyperThreadsShareACore) {
  for (int cpu = 0; cpu < 8; ++cpu) add_cpu(cpu, cpu % 4);
  EXPECT_EQ(read({0, 1, 2, 3, 4, 5, 6, 7}).physical_cores, 4);
  EXPECT_EQ(read({0, 4}).physical_cores, 1);
  EXPECT_EQ(read({1, 2, 6}).physical_cores, 2);
}

TEST_F(FakeMachine, CoresOfPackagesAreApart) {
  for (int cpu = 0; cpu < 4; ++cpu) add_cpu(cpu, cpu % 2, cpu / 2);
  EXPECT_EQ(read({0, 1, 2, 3}).physical_cores, 4);
}

TEST_F(FakeMachine, CachesAndMemory) {
  add_cpu(0, 0);
  const auto t = read({0});
  EXPECT_EQ(t.l2_bytes, 1u << 20);
  EXPECT_EQ(t.l3_bytes, 32u << 20);
  EXPECT_EQ(t.memory_bytes, std::uint64_t{16384000} << 10);
}

TEST_F(FakeMachine, QuotaOfVersion2RoundsUp) {
  for (int cpu = 0; cpu < 8; ++cpu) add_cpu(cpu, cpu);
  write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  EXPECT_EQ(read({0, 1, 2, 3, 4, 5, 6, 7}).physical_cores, 3);
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(read({0, 1, 2, 3, 4, 5, 6, 7}).physical_cores, 8);
  write("sys/fs/cgroup/cpu.max", "1000 100000\n");
  EXPECT_EQ(read({0, 1}).physical_cores, 1);
}

TEST_F(FakeMachine, LimitsOfNestedGroupsOfVersion1Hold) {
  for (int cpu = 0; cpu < 8; ++cpu) add_cpu(cpu, cpu);
  write("proc/self/cgroup", "9:memory:/jobs/one\n4:cpu,cpuacct:/jobs/one\n1:name=systemd:/elsewhere\n");
  write("sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us", "300000\n");
  write("sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu/jobs/one/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/jobs/one/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/jobs/one/memory.limit_in_bytes", "2147483648\n");
  const auto t = read({0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(t.physical_cores, 3);
  EXPECT_EQ(t.memory_bytes, std::uint64_t{2} << 30);
}

TEST_F(FakeMachine, LimitsOfNestedGroupsHold) {
  for (int cpu = 0; cpu < 8; ++cpu) add_cpu(cpu, cpu);
  write("proc/self/cgroup", "0::/user.slice/job\n");
  write("sys/fs/cgroup/user.slice/cpu.max", "400000 100000\n");
  write("sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/user.slice/job/memory.max", "1073741824\n");
  const auto t = read({0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(t.physical_cores, 4);
  EXPECT_EQ(t.memory_bytes, std::uint64_t{1} << 30);
}

TEST_F(FakeMachine, QuotaOfVersion1) {
  for (int cpu = 0; cpu < 4; ++cpu) add_cpu(cpu, cpu);
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
  EXPECT_EQ(read({0, 1, 2, 3}).physical_cores, 2);
  EXPECT_EQ(read({0, 1, 2, 3}).memory_bytes, std::uint64_t{2} << 30);
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(read({0, 1, 2, 3}).physical_cores, 4);
}

TEST_F(FakeMachine, NothingIsKnown) {
  std::filesystem::remove_all(root_);
  const auto t = read({});
  EXPECT_EQ(t.physical_cores, 1);
  EXPECT_EQ(t.memory_bytes, 0u);
  EXPECT_EQ(read({0, 1, 2}).physical_cores, 3) << "CPUs of which nothing is said are cores";
}

TEST_F(FakeMachine, NonsenseIsNoLimit) {
  add_cpu(0, 0);
  add_cpu(1, 1);
  write("sys/fs/cgroup/cpu.max", "many things\n");
  write("sys/fs/cgroup/memory.max", "lots\n");
  write("proc/self/cgroup", "0::/../../etc\n");
  EXPECT_EQ(read({0, 1}).physical_cores, 2);
  EXPECT_EQ(read({0, 1}).memory_bytes, std::uint64_t{16384000} << 10);
}

}  // namespace
}  // namespace ttt
