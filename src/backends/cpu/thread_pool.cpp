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

ThreadPool::ThreadPool(int num_threads, int usable_cpus) : spins_(num_threads > usable_cpus ? 0 : kSpins) {
  try {
    for (int i = 1; i < num_threads; ++i) workers_.emplace_back([this] { work(); });
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

void ThreadPool::take_tasks(const Job& job) {
  for (auto i = next_task_.fetch_add(1, std::memory_order_relaxed); i < job.num_tasks;
       i = next_task_.fetch_add(1, std::memory_order_relaxed))
    job.call(job.context, i);
}

void ThreadPool::dispatch(Job job) {
  const std::lock_guard lock(callers_);
  job_ = job;
  next_task_.store(0, std::memory_order_relaxed);
  unfinished_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  take_tasks(job);
  // Workers leave a job within the time of one task; when the machine is overcommitted, let them have the core.
  for (int spins = 0; unfinished_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < spins_)
      pause();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::work() {
  std::uint32_t seen = 0;
  for (;;) {
    for (int spins = 0; spins < spins_ && generation_.load(std::memory_order_acquire) == seen; ++spins) pause();
    generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_.load()) return;
    take_tasks(job_);
    unfinished_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace ttt::cpu
