#include "line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "interrupt.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

// Until stdin can be read (or is at its end); false when an interrupt came first.
bool wait_for_input() {
  std::array<pollfd, 2> files{{{STDIN_FILENO, POLLIN, 0}, {InterruptScope::event_file(), POLLIN, 0}}};
  while (poll(files.data(), files.size(), -1) < 0)
    if (errno != EINTR) throw Error("stdin", std::string("cannot be waited for: ") + std::strerror(errno));
  return files[1].revents == 0;
}

}  // namespace

LineReader::Outcome LineReader::next(std::string& line) {
  for (std::size_t newline; (newline = held_.find('\n')) == std::string::npos;) {
    if (at_end_) {
      line = std::exchange(held_, {});
      return line.empty() ? Outcome::end : Outcome::line;
    }
    if (!wait_for_input()) {
      held_.clear();  // what the terminal had of the line is gone too
      return Outcome::interrupted;
    }
    std::array<char, 4096> buffer;
    const auto count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
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
