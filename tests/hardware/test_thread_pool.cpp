#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "thread_pool.h"

namespace ttt::cpu {
namespace {

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (const int threads : {1, 2, 4, 9}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const std::int64_t tasks : {0, 1, 2, 7, 1000}) {
      std::vector<int> counts(static_cast<std::size_t>(tasks), 0);
      pool.run(tasks, [&](std::int64_t i) { ++counts[static_cast<std::size_t>(i)]; });
      EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0), tasks);
      for (const int count : counts) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadPool, ThreadsThatAreDoneHelpTheOthers) {
  ThreadPool pool(3);
  for (const std::int64_t busy : {0, 20, 40}) {  // in each thread's share
    std::atomic<int> others = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    pool.run(60, [&](std::int64_t i) {
      if (i != busy) ++others;
      while (i == busy && others < 59 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
      if (i == busy) {
        EXPECT_EQ(others, 59);
      }
    });
  }
}

TEST(ThreadPool, ChainsOfJobsSeeEachOthersResults) {
  ThreadPool pool(4);
  std::vector<int> values(64, 0);
  for (int round = 0; round < 2000; ++round)
    pool.run(64, [&](std::int64_t i) {
      values[static_cast<std::size_t>(i)] += values[static_cast<std::size_t>((i + 0) % 64)] == round;
    });
  for (const int value : values) EXPECT_EQ(value, 2000);
}

TEST(ThreadPool, WakesAfterSleeping) {
  ThreadPool pool(3);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    std::vector<int> done(10, 0);
    pool.run(10, [&](std::int64_t i) { done[static_cast<std::size_t>(i)] = 1; });
    EXPECT_EQ(std::accumulate(done.begin(), done.end(), 0), 10);
  }
}

TEST(ThreadPool, MoreThreadsThanCpus) {
  ThreadPool pool(65, 1);
  std::vector<std::int64_t> counts(100, 0);
  for (int round = 0; round < 50; ++round)
    pool.run(100, [&](std::int64_t i) { ++counts[static_cast<std::size_t>(i)]; });
  for (const auto count : counts) EXPECT_EQ(count, 50);
}

TEST(ThreadPool, CallersTakeTurns) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::vector<std::int64_t> sums(4, 0);
  for (std::size_t c = 0; c < sums.size(); ++c)
    callers.emplace_back([&, c] {
      for (int round = 0; round < 200; ++round) {
        std::vector<std::int64_t> parts(50, 0);
        pool.run(50, [&](std::int64_t i) { parts[static_cast<std::size_t>(i)] = i; });
        sums[c] += std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
      }
    });
  for (auto& caller : callers) caller.join();
  for (const auto sum : sums) EXPECT_EQ(sum, 200 * 49 * 50 / 2);
}

}  // namespace
}  // namespace ttt::cpu
