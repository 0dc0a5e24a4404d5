#pragma once
#include <csignal>

namespace ttt::app {

/// While one lives, Ctrl-C is remembered instead of ending the program, and interrupts a waiting read. One at
/// a time.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  static bool pending();
  static void clear();

 private:
  struct sigaction before_;
};

}  // namespace ttt::app
