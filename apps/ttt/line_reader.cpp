#include "line_reader.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ttt/core/error.h"

namespace ttt::app {

LineReader::Outcome LineReader::next(std::string& line) {
  for (std::size_t newline; (newline = held_.find('\n')) == std::string::npos;) {
    if (at_end_) {
      line = std::exchange(held_, {});
      return line.empty() ? Outcome::end : Outcome::line;
    }
    std::array<char, 4096> buffer;
    const auto count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) {
      held_.clear();  // what the terminal had of the line is gone too
      return Outcome::interrupted;
    }
    if (count < 0) throw Error("stdin", std::string("cannot be read: ") + std::strerror(errno));
    at_end_ = count == 0;
    held_.append(buffer.data(), static_cast<std::size_t>(count));
  }
  const auto newline = held_.find('\n');
  line = held_.substr(0, newline);
  held_.erase(0, newline + 1);
  if (line.ends_with('\r')) line.pop_back();
  return Outcome::line;
}

}  // namespace ttt::app
