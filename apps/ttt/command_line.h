#pragma once
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flags.h"
#include "help_page.h"

namespace ttt::app {

// Only the files that define flags include this one: CLI11 takes longer to compile than a verb.

/// What help says of a verb, or of the program, besides its flags.
struct VerbText {
  std::string summary;                                           ///< one line without a full stop
  std::string about;                                             ///< one paragraph
  std::vector<std::string> examples;                             ///< command lines
  std::string failure = "an error, told in one line on stderr";  ///< what exit code 1 says
  std::vector<HelpPage::Entry> exit_codes = {};                  ///< beside 0, 1 and 2
};

/// The program's verbs and flags, and the texts that belong to them.
struct CommandLine {
  CLI::App app;
  std::map<const CLI::App*, VerbText> texts;  ///< of the program and of every verb

  CommandLine();
  CommandLine(const CommandLine&) = delete;  ///< verbs refer to it
  CommandLine& operator=(const CommandLine&) = delete;
};

/// Adds a verb that has verbs of its own.
CLI::App& add_verbs_under(CommandLine& line, const std::string& name, VerbText text);

/// Adds a verb to the program, or to a verb of it, whose callback is `run` on the options returned.
template <class O>
std::pair<CLI::App&, O&> add_verb(CommandLine& line, CLI::App& parent, const std::string& name, VerbText text,
                                  void (*run)(const O&)) {
  auto o = std::make_shared<O>();
  auto& verb = *parent.add_subcommand(name, text.summary);
  if constexpr (std::is_same_v<O, CommonOptions>) {
    verb.callback([o, run, &verb] { apply_settings(verb, *o), run(*o); });
  } else if constexpr (requires { o->common; }) {
    verb.callback([o, run, &verb] { apply_settings(verb, o->common), run(*o); });
  } else {
    verb.callback([o, run] { run(*o); });
  }
  line.texts[&verb] = std::move(text);
  return {verb, *o};
}
template <class O>
std::pair<CLI::App&, O&> add_verb(CommandLine& line, const std::string& name, VerbText text, void (*run)(const O&)) {
  return add_verb(line, line.app, name, std::move(text), run);
}

/// Adds every verb that does something with a model or a device.
void add_verbs(CommandLine& line);
/// Adds `migrate`, which has verbs of its own.
void add_migrate(CommandLine& line);
/// Adds `help`, which prints what is known of a verb, or writes the man pages.
void add_help(CommandLine& line);

/// What is known of the program, or of one of its verbs.
HelpPage describe(const CommandLine& line, const CLI::App& app);
/// The verbs of the program, or of a verb.
std::vector<const CLI::App*> verbs_of(const CLI::App& app);
/// "generate, chat, ..."
std::string verb_names(const CLI::App& app);

}  // namespace ttt::app
