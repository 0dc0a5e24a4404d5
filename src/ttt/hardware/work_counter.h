#pragma once
#include <atomic>
#include <cstdint>

namespace ttt::inline v2 {

/// What a computation cannot do without, whatever the kernel: arithmetic, and reading weights, keys and values.
/// Activations do not count, as they can stay in caches.
struct Work {
  std::uint64_t flops = 0;  ///< a multiply-add is two
  std::uint64_t bytes = 0;  ///< of weights (once an op) and of keys and values (once an op and sequence)
};

/// Adds up the work of a device's ops. Safe to share between threads.
class WorkCounter {
 public:
  /// Adds an op's work to the total.
  void add(const Work& work) {
    flops_.fetch_add(work.flops, std::memory_order_relaxed);
    bytes_.fetch_add(work.bytes, std::memory_order_relaxed);
  }
  /// Since the start or `reset`.
  Work total() const { return {flops_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed)}; }
  /// Counts from nothing again.
  void reset() {
    flops_ = 0;
    bytes_ = 0;
  }

 private:
  std::atomic<std::uint64_t> flops_{0}, bytes_{0};
};

}  // namespace ttt::inline v2
