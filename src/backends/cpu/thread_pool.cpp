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
  post({});
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

std::uint32_t ThreadPool::share_start(const Job& job, std::size_t thread) const {
  return static_cast<std::uint32_t>(job.num_tasks * static_cast<std::int64_t>(thread) /
                                    static_cast<std::int64_t>(shares_.size()));
}

void ThreadPool::take_tasks(const Job& job, std::size_t thread) {
  Share& own = shares_[thread];
  std::uint32_t task = share_start(job, thread);
  // The first of a share is its thread's, so that it need not wait for the share.
  if (task < share_start(job, thread + 1)) {
    do job.call(job.context, job.first_task + task);
    while (own.take_first(task));
  }
  for (std::size_t next = 1; next < shares_.size(); ++next)
    while (shares_[(thread + next) % shares_.size()].take_last(task)) job.call(job.context, job.first_task + task);
}

void ThreadPool::post(const Job& job) {
  posted_.job = job;
  // Not only released: what follows looks for sleepers, who look at the number before they sleep.
  posted_.number.fetch_add(1);
  posted_.number.notify_all();
}

void ThreadPool::dispatch(const Job& job) {
  const std::lock_guard lock(callers_);
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const std::uint32_t end = share_start(job, i + 1);
    shares_[i].reset(std::min(share_start(job, i) + 1, end), end);
  }
  post(job);
  take_tasks(job, 0);
  // Workers leave a job within the time of one task; when the machine is overcommitted, let them have the core.
  const std::uint32_t number = posted_.number.load(std::memory_order_relaxed);
  int spins = 0;
  for (std::size_t i = 1; i < shares_.size(); ++i)
    for (; shares_[i].done.load(std::memory_order_acquire) != number; ++spins) {
      if (spins < spins_)
        pause();
      else
        std::this_thread::yield();
    }
}

void ThreadPool::work(std::size_t thread) {
  for (std::uint32_t seen = 0;;) {
    for (int spins = 0; posted_.number.load(std::memory_order_acquire) == seen; ++spins) {
      if (spins < spins_)
        pause();
      else
        posted_.number.wait(seen, std::memory_order_acquire);
    }
    ++seen;
    const Job job = posted_.job;
    if (job.call == nullptr) return;
    take_tasks(job, thread);
    shares_[thread].done.store(seen, std::memory_order_release);
  }
}

}  // namespace ttt::cpu
