#pragma once
#include <stdexcept>

namespace ttt::app {

/// A command line that the program does not take; what() is one line.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An error whose line is on stderr already.
class ReportedError {};

/// What a verb was asked to look for is there, and printed: exit code 3, so that a script can tell it from an error.
class FindingsReported {};

/// Runs the verb that the arguments name, with the flags they give, or prints the help they ask for.
/// Throws UsageError, and whatever the verb throws.
void run_command_line(int argc, const char* const* argv);

}  // namespace ttt::app
