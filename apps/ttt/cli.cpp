#include "cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "command_line.h"
#include "options.h"
#include "version_text.h"

namespace ttt::app {
namespace {

/// What is wrong with the command line. A flag or word that nobody took comes first, as the rest may follow from it:
/// after a misspelt flag its value looks like a word.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto verbs = app.get_subcommands();
  const auto before = app.remaining();
  if (verbs.empty())
    return fmt::format("expected a verb, got {}; there are: {}",
                       before.empty() ? "none" : fmt::format("\"{}\"", before.front()), verb_names(app));
  const auto& verb = verbs.front()->get_name();
  if (!before.empty()) return fmt::format("unexpected \"{}\" before the verb {}", before.front(), verb);
  auto unused = verbs.front()->remaining();
  std::erase(unused, "--");
  if (unused.empty()) return error.what();
  const auto is_flag = [](const std::string& word) { return word.starts_with('-') && word != "-"; };
  const auto flag = std::ranges::find_if(unused, is_flag);
  if (flag == unused.end())
    return fmt::format("{}: unexpected word \"{}\"; `ttt {} --help` shows what it takes", verb, unused.front(), verb);
  return fmt::format("{} has no flag {}; `ttt {} --help` shows those it has", verb, flag->substr(0, flag->find('=')),
                     verb);
}

}  // namespace

CommandLine::CommandLine() : app("", "ttt") {
  app.option_defaults()->always_capture_default();
  app.set_help_flag("-h,--help", "prints this help");
  app.set_version_flag("--version", version_text, "prints the version, the commit and what it runs on");
  app.require_subcommand(1);
  app.formatter_fn([this](const CLI::App* asked, const std::string&, CLI::AppFormatMode) {
    return help_text(describe(*this, *asked));
  });
}

void run_command_line(int argc, const char* const* argv) {
  CommandLine line;
  add_verbs(line);
  add_help(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0) throw UsageError(explain(line.app, e));
    std::ostringstream answer;
    line.app.exit(e, answer, answer);
    print_result(answer.str());
  }
}

}  // namespace ttt::app
