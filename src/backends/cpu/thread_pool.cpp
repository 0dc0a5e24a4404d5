#include "thread_pool.h"

#include <fmt/format.h>

#include <system_error>

#include "ttt/core/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ttt::cpu {
namespace {

/// About 50 us of spinning: longer than the gaps within a step, short enough not to starve neighbours.
constexpr int kSpins = 2000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int num_threads, int usable_cpus)
    : spins_(num_threads > usable_cpus ? 0 : kSpins), shares_(static_cast<std::size_t>(std::max(1, num_threads))) {
  try {
    for (std::size_t i = 1; i < shares_.size(); ++i) workers_.emplace_back([this, i] { work(i); });
  } catch (const std::system_error& e) {
    const auto started = size();
    stop();
    throw DeviceError(
        "cpu", fmt::format("only {} of {} threads can be started: {}", started, num_threads, e.code().message()));
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  stop_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
  for (auto& worker : workers_) worker.join();
}

bool ThreadPool::Share::take_first(std::uint32_t& task) {
  std::uint64_t left = left_.load(std::memory_order_relaxed);
  do {
    task = static_cast<std::uint32_t>(left >> 32);
    if (task >= static_cast<std::uint32_t>(left)) return false;
  } while (
      !left_.compare_exchange_weak(left, pack(task + 1, static_cast<std::uint32_t>(left)), std::memory_order_relaxed));
  return true;
}

bool ThreadPool::Share::take_last(std::uint32_t& task) {
  std::uint64_t left = left_.load(std::memory_order_relaxed);
  do {
    const auto first = static_cast<std::uint32_t>(left >> 32), end = static_cast<std::uint32_t>(left);
    if (first >= end) return false;
    task = end - 1;
  } while (!left_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed));
  return true;
}

void ThreadPool::take_tasks(const Job& job, std::size_t thread) {
  std::uint32_t task;
  while (shares_[thread].take_first(task)) job.call(job.context, job.first_task + task);
  for (std::size_t next = 1; next < shares_.size(); ++next)
    while (shares_[(thread + next) % shares_.size()].take_last(task)) job.call(job.context, job.first_task + task);
}

void ThreadPool::dispatch(const Job& job, std::int64_t num_tasks) {
  const std::lock_guard lock(callers_);
  job_ = job;
  const std::int64_t threads = size();
  const auto share_start = [&](std::int64_t i) { return static_cast<std::uint32_t>(num_tasks * i / threads); };
  for (std::int64_t i = 0; i < threads; ++i)
    shares_[static_cast<std::size_t>(i)].reset(share_start(i), share_start(i + 1));
  unfinished_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  take_tasks(job, 0);
  // Workers leave a job within the time of one task; when the machine is overcommitted, let them have the core.
  for (int spins = 0; unfinished_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < spins_)
      pause();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::work(std::size_t thread) {
  std::uint32_t seen = 0;
  for (;;) {
    for (int spins = 0; spins < spins_ && generation_.load(std::memory_order_acquire) == seen; ++spins) pause();
    generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_.load()) return;
    take_tasks(job_, thread);
    unfinished_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace ttt::cpu
