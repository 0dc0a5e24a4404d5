#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli.h"
#include "command_line.h"
#include "flags.h"
#include "options.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

namespace fs = std::filesystem;

struct HelpOptions {
  std::vector<std::string> verb;
  std::string man;
};

/// The verb that the words name, one below the other; without words the program.
const CLI::App& find_verb(const CommandLine& line, const std::vector<std::string>& words) {
  const CLI::App* app = &line.app;
  for (const auto& word : words) {
    const auto verbs = verbs_of(*app);
    const auto found = std::ranges::find(verbs, word, [](const CLI::App* verb) { return verb->get_name(); });
    if (verbs.empty()) throw UsageError(fmt::format("help: {} has no verbs, got \"{}\"", app->get_name(), word));
    if (found == verbs.end())
      throw UsageError(fmt::format("help: expected a verb, got \"{}\"; there are: {}", word, verb_names(*app)));
    app = *found;
  }
  return *app;
}

/// Writes the page of a program or verb, and those of the verbs below it.
void write_man_pages(const CommandLine& line, const CLI::App& app, const fs::path& folder) {
  const auto page = describe(line, app);
  std::vector<std::string> see_also;
  if (app.get_parent() != nullptr) see_also.push_back(describe(line, *app.get_parent()).command);
  for (const auto* verb : verbs_of(app)) {
    see_also.push_back(describe(line, *verb).command);
    write_man_pages(line, *verb, folder);
  }
  const auto file = folder / (man_name(page.command) + ".1");
  std::ofstream out(file);
  out << man_page(page, see_also);
  out.close();
  if (!out) throw Error(file.string(), "cannot be written");
}

}  // namespace

void add_help(CommandLine& line) {
  const auto o = std::make_shared<HelpOptions>();
  auto& verb = *line.app.add_subcommand("help", "");
  line.texts[&verb] = {.summary = "Shows what a verb does and takes",
                       .about = "Prints what `ttt VERB --help` prints; without a verb, the list of verbs.",
                       .examples = {"ttt help generate", "ttt help --man share/man/man1"}};
  verb.add_option("verb", o->verb, "the verb to explain")->default_str("");
  verb.add_option("--man", o->man, "instead, write the man pages of the program and of every verb into this folder")
      ->check(file_name())
      ->default_str("")
      ->type_name("FOLDER");
  verb.callback([o, &line] {
    if (o->man.empty()) return print_result(help_text(describe(line, find_verb(line, o->verb))));
    if (!fs::is_directory(o->man)) throw Error(o->man, "expected a folder to write man pages to");
    write_man_pages(line, line.app, o->man);
  });
}

}  // namespace ttt::app
