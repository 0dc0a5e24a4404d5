#include "cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "command_line.h"
#include "options.h"
#include "version_text.h"

namespace ttt::app {
namespace {

/// What is wrong with the command line, in the words after `verb`. A flag or word that nobody took comes first, as the
/// rest may follow from it: after a misspelt flag its value looks like a word.
std::string explain(const CLI::App& app, const std::string& verb, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  auto unused = app.remaining();
  if (const auto verbs = verb_names(app); !verbs.empty()) {
    if (chosen.empty())
      return fmt::format("{}expected a verb, got {}; there are: {}", verb.empty() ? "" : verb + ": ",
                         unused.empty() ? "none" : fmt::format("\"{}\"", unused.front()), verbs);
    const auto next = (verb.empty() ? "" : verb + " ") + chosen.front()->get_name();
    return unused.empty() ? explain(*chosen.front(), next, error)
                          : fmt::format("unexpected \"{}\" before the verb {}", unused.front(), next);
  }
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
  texts[&app] = {.summary = "Runs transformer models built from TTT's blocks",
                 .about =
                     "Each verb does one thing with a model: a GGUF file, or a Hugging Face folder with config.json "
                     "and safetensors. Results go to stdout and all else to stderr; an error is one line. `ttt help "
                     "VERB` shows what a verb takes.",
                 .examples = {"ttt help generate", "ttt chat --model model.gguf"}};
  app.formatter_fn([this](const CLI::App* asked, const std::string&, CLI::AppFormatMode) {
    return help_text(describe(*this, *asked));
  });
}

CLI::App& add_verbs_under(CommandLine& line, const std::string& name, VerbText text) {
  auto& verb = *line.app.add_subcommand(name, text.summary);
  verb.require_subcommand(1);
  line.texts[&verb] = std::move(text);
  return verb;
}

void run_command_line(int argc, const char* const* argv) {
  CommandLine line;
  add_verbs(line);
  add_migrate(line);
  add_help(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0) throw UsageError(explain(line.app, "", e));
    std::ostringstream answer;
    line.app.exit(e, answer, answer);
    print_result(answer.str());
  }
}

}  // namespace ttt::app
