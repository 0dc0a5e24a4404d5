#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "options.h"

namespace {

/// An error is one line, whatever its text holds.
void report(std::string text) {
  for (auto& c : text)
    if (c == '\n') c = ' ';
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
  CLI::App app{"Runs transformer models built from TTT's blocks", "ttt"};
  app.set_version_flag("--version", "ttt " TTT_VERSION);
  app.require_subcommand(1);
  using namespace ttt::app;
  for (auto* add : {add_generate, add_chat, add_logits, add_compare, add_embed, add_perplexity, add_tokenize, add_bench,
                    add_devices, add_inspect, add_new_model})
    add(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    report(e.what());
    return 2;
  } catch (const std::exception& e) {
    report(e.what());
    return 1;
  }
  return 0;
}
