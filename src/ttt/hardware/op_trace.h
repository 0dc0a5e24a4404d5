#pragma once
#include <chrono>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "ttt/hardware/work_counter.h"

namespace ttt::inline v2 {

/// When each op of a device ran, and what its work was. Safe to share between threads.
class OpTrace {
 public:
  /// Steady: never set back.
  using Clock = std::chrono::steady_clock;
  /// One run of an op.
  struct Event {
    std::string_view name;    ///< the op's
    Clock::time_point begin;  ///< before its kernel was called
    Clock::time_point end;    ///< after it returned
    Work work;                ///< nothing for an op that does not say
  };

  /// Appends an event.
  void add(const Event& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }
  /// The events so far, in the order they ended; the trace begins anew.
  std::vector<Event> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace ttt::inline v2
