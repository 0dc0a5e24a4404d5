#include "interrupt.h"

namespace ttt::app {
namespace {

// A signal handler can reach nothing but a variable of the whole program.
volatile std::sig_atomic_t interrupted = 0;

}  // namespace

InterruptScope::InterruptScope() {
  clear();
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, &before_);
}

InterruptScope::~InterruptScope() { sigaction(SIGINT, &before_, nullptr); }

bool InterruptScope::pending() { return interrupted != 0; }
void InterruptScope::clear() { interrupted = 0; }

}  // namespace ttt::app
