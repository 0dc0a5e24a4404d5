#pragma once
#include <csignal>

namespace ttt::app {

/// While one lives, Ctrl-C is remembered instead of ending the program. One at a time.
class InterruptScope {
 public:
  /// Throws Error when the system gives no event file.
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  /// Whether Ctrl-C came since the last clear().
  static bool pending();
  static void clear();

  /// A file that can be read while an interrupt is pending: to wait for one together with other files, with
  /// no moment between a check and the wait in which it would be missed.
  static int event_file();

 private:
  struct sigaction before_;
};

}  // namespace ttt::app
