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
  using Clock = std::chrono::steady_clock;
  struct Event {
    std::string_view name;  ///< the op's
    Clock::time_point begin, end;
    Work work;
  };

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
