#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "cli.h"

namespace {

/// An error is one line, whatever its text holds, and not a page long.
void report(std::string text) {
  constexpr std::size_t kLongest = 4000;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  std::fprintf(stderr, "ttt: error: %s\n", text.c_str());
}

/// Puts /dev/null in place of a closed standard stream, so that no file that is opened later gets its number.
/// Writing to a closed stdout is still an error.
void keep_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) == -1) open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace

int main(int argc, char** argv) {
  keep_standard_streams();
  // A closed pipe shows as a failed write, which ends the program with an error line.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    ttt::app::run_command_line(argc, argv);
  } catch (const ttt::app::UsageError& e) {
    report(e.what());
    return 2;
  } catch (const ttt::app::ReportedError&) {
    return 1;
  } catch (const ttt::app::FindingsReported&) {
    return 3;
  } catch (const std::exception& e) {
    report(e.what());
    return 1;
  } catch (...) {  // of a model in a library of its own
    report("an exception that is no std::exception");
    return 1;
  }
  return 0;
}
