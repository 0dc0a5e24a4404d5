#pragma once
#include <string>

namespace ttt::app {

/// Lines of stdin, for a conversation: unlike in std::getline, Ctrl-C ends the wait. Needs an InterruptScope.
class LineReader {
 public:
  enum class Outcome { line, interrupted, end };

  /// The next line without its newline; the last one may lack it. Throws Error when stdin cannot be read.
  Outcome next(std::string& line);

 private:
  std::string held_;  ///< read beyond the last line
  bool at_end_ = false;
};

}  // namespace ttt::app
