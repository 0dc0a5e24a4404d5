#include "interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

// A signal handler can reach nothing but variables of the whole program, from whichever thread it runs in.
std::atomic<bool> interrupted{false};
std::atomic<int> event{-1};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void remember(int) {
  const int error_before = errno;
  interrupted = true;
  const std::uint64_t one = 1;
  // Only a counter at its limit refuses, and then it can be read already.
  [[maybe_unused]] const auto written = write(event, &one, sizeof one);
  errno = error_before;
}

}  // namespace

InterruptScope::InterruptScope() {
  event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0) throw Error("Ctrl-C", std::string("no event file: ") + std::strerror(errno));
  clear();
  struct sigaction action{};
  action.sa_handler = remember;
  sigaction(SIGINT, &action, &before_);
}

InterruptScope::~InterruptScope() {
  sigaction(SIGINT, &before_, nullptr);
  close(event.exchange(-1));
}

bool InterruptScope::pending() { return interrupted; }

void InterruptScope::clear() {
  std::uint64_t count = 0;
  // Nothing to read when none is pending.
  [[maybe_unused]] const auto drained = read(event, &count, sizeof count);
  interrupted = false;
}

int InterruptScope::event_file() { return event; }

}  // namespace ttt::app
