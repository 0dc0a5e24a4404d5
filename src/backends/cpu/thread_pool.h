#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace ttt::cpu {

/// A fixed team of threads that runs one job at a time. Threads spin a while after a job, so that the next of a chain
/// of small jobs starts within a microsecond, and sleep when none comes. What a job computes must depend on the task's
/// index only, never on the thread: results are then the same for any number of threads.
class ThreadPool {
 public:
  /// `usable_cpus`: with more threads than that none spins, as it would keep a CPU from one that has work. Throws
  /// DeviceError when the system does not give that many threads.
  explicit ThreadPool(int num_threads, int usable_cpus = std::numeric_limits<int>::max());
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls task(i) for i in [0, num_tasks), spread over the team in runs of neighbours, and returns when all are done.
  /// The caller takes part. Tasks must not throw, nor call run. Callers on several threads take turns.
  template <class F>
  void run(std::int64_t num_tasks, F&& task) {
    using Task = std::remove_reference_t<F>;
    if (num_tasks <= 1 || workers_.empty()) {
      for (std::int64_t i = 0; i < num_tasks; ++i) task(i);
      return;
    }
    // As many at once as a share counts.
    constexpr std::int64_t kMost = std::int64_t{1} << 31;
    for (std::int64_t first = 0; first < num_tasks; first += kMost)
      dispatch({[](void* context, std::int64_t i) { (*static_cast<Task*>(context))(i); },
                const_cast<std::remove_const_t<Task>*>(&task), first, std::min(kMost, num_tasks - first)});
  }

 private:
  struct Job {
    void (*call)(void*, std::int64_t);  ///< null: there will be no more jobs
    void* context;
    std::int64_t first_task;  ///< what the shares count from
    std::int64_t num_tasks;
  };

  /// The tasks that a thread has left: [first, end), packed into one word so that both ends change at once. It takes
  /// the first itself, so that a thread goes through memory in order; threads that are done help from the end.
  class alignas(64) Share {
   public:
    std::atomic<std::uint32_t> done{0};  ///< the job that the share's worker has left last

    void reset(std::uint32_t first, std::uint32_t end) { left_.store(pack(first, end), std::memory_order_relaxed); }
    /// False: none is left.
    bool take_first(std::uint32_t& task);
    bool take_last(std::uint32_t& task);

   private:
    static constexpr std::uint64_t pack(std::uint32_t first, std::uint32_t end) {
      return std::uint64_t{first} << 32 | end;
    }
    std::atomic<std::uint64_t> left_{0};
  };

  /// Where threads share no cache, small jobs mostly wait for lines on their way from one thread to the other. So a
  /// worker learns of a job, and what it is, from one line; its share, where the caller also waits for it, is another.
  struct alignas(64) Posted {
    Job job{};
    std::atomic<std::uint32_t> number{0};  ///< of the job, from 1; waited on by sleepers
  };

  void dispatch(const Job& job);
  void post(const Job& job);
  void work(std::size_t thread);
  void stop();
  void take_tasks(const Job& job, std::size_t thread);
  std::uint32_t share_start(const Job& job, std::size_t thread) const;

  const int spins_;
  std::vector<Share> shares_;  ///< by thread, the caller's first
  std::vector<std::thread> workers_;
  std::mutex callers_;
  Posted posted_;
};

}  // namespace ttt::cpu
