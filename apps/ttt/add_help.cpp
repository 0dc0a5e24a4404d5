#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "cli.h"
#include "command_line.h"
#include "flags.h"
#include "options.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

/// The verbs of the program, or the option groups of a verb.
std::vector<const CLI::App*> parts_of(const CLI::App& app) { return app.get_subcommands(nullptr); }

/// An app's options, but for the copy of --help that an option group has.
std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([&](const CLI::Option* o) { return !app.get_name().empty() || o != app.get_help_ptr(); });
}

/// What an option takes, and its value when it is not given: "INT=512", "{mean,cls}=mean", "TEXT ...".
std::string value_of(const CLI::Option& option) {
  if (option.get_type_size() == 0) return {};
  auto value = option.get_type_name();
  if (const auto choices = value.find(":{"); choices != std::string::npos) value.erase(0, choices + 1);
  if (!option.get_default_str().empty()) value += "=" + option.get_default_str();
  if (option.get_expected_max() == CLI::detail::expected_max_vector_size) value += " ...";
  return value;
}

/// The word `stdin` is given as a bare -.
bool is_bare_dash(const CLI::Option& option) {
  return option.get_positional() && option.get_name(true, false) == "stdin";
}

HelpPage::Entry entry_of(const CLI::Option& option) {
  if (is_bare_dash(option)) return {"-", "", option.get_description()};
  const bool word = option.get_positional();
  return {option.get_name(word, !word), value_of(option),
          option.get_description() + (option.get_required() ? "; required" : "")};
}

/// The options of a verb or of one of its option groups, under the titles that they were given.
void append_groups(HelpPage& page, const CLI::App& app, const std::string& title) {
  for (const auto& group : app.get_groups()) {
    HelpPage::Group entries{title.empty() ? group : title, {}};
    for (const auto* option : options_of(app))
      if (option->get_group() == group) entries.entries.push_back(entry_of(*option));
    if (!entries.entries.empty()) page.groups.push_back(std::move(entries));
  }
}

/// How an option is written on a command line, without its default: "--ids IDS", "-" for the word that is a bare one.
std::string spelled(const CLI::Option& option) {
  if (is_bare_dash(option)) return "-";
  if (option.get_positional()) {
    const bool many = option.get_expected_max() == CLI::detail::expected_max_vector_size;
    return option.get_name(true, false) + (many ? "..." : "");
  }
  const auto value = option.get_type_size() == 0 ? "" : " " + option.get_type_name();
  return "--" + option.get_lnames().front() + value;
}

std::string usage_of(const CLI::App& verb) {
  std::string usage, words;
  for (const auto* option : options_of(verb)) {
    if (option->get_positional())
      words += " " + (option->get_required() ? spelled(*option) : fmt::format("[{}]", spelled(*option)));
    else if (option->get_required())
      usage += spelled(*option) + " ";
  }
  for (const auto* group : parts_of(verb)) {
    std::string choices;
    for (const auto* option : options_of(*group)) choices += (choices.empty() ? "" : " | ") + spelled(*option);
    usage += fmt::format("({}) ", choices);
  }
  return usage + "[options]" + words;
}

HelpPage::Group exit_codes(const std::string& failure) {
  return {"Exit codes", {{"0", "", "done"}, {"1", "", failure}, {"2", "", "a command line that is not taken"}}};
}

HelpPage describe_verb(const CommandLine& line, const CLI::App& verb) {
  const VerbText& text = line.texts.at(verb.get_name());
  HelpPage page{"ttt " + verb.get_name(), text.summary, text.about, usage_of(verb), {}, text.examples};
  for (const auto* group : parts_of(verb)) append_groups(page, *group, group->get_group() + ", exactly one of");
  append_groups(page, verb, "");
  page.groups.push_back(exit_codes(text.failure));
  return page;
}

HelpPage describe_program(const CommandLine& line) {
  HelpPage page{"ttt",
                "Runs transformer models built from TTT's blocks",
                "Each verb does one thing with a model: a GGUF file, or a Hugging Face folder with config.json and "
                "safetensors. Results go to stdout and all else to stderr; an error is one line. `ttt help VERB` shows "
                "what a verb takes.",
                "VERB [options]",
                {},
                {"ttt help generate", "ttt chat --model model.gguf"}};
  HelpPage::Group verbs{"Verbs", {}};
  for (const auto* verb : parts_of(line.app))
    verbs.entries.push_back({verb->get_name(), "", line.texts.at(verb->get_name()).summary});
  page.groups.push_back(std::move(verbs));
  append_groups(page, line.app, "");
  page.groups.push_back(
      {"Environment",
       {{"TTT_CPU_ISA", "", "generic, avx2, avx512 or amx: a lower instruction-set level than the machine has"},
        {"TTT_MODEL_PATH", "", "folders with libttt_model_*.so, with colons between, as --model-path"}}});
  page.groups.push_back(exit_codes(VerbText{}.failure));
  return page;
}

const CLI::App& find_verb(const CommandLine& line, const std::string& name) {
  for (const auto* verb : parts_of(line.app))
    if (verb->get_name() == name) return *verb;
  throw UsageError(fmt::format("help: expected a verb, got \"{}\"; there are: {}", name, verb_names(line.app)));
}

void write_man_page(const std::filesystem::path& folder, const HelpPage& page,
                    const std::vector<std::string>& see_also) {
  const auto file = folder / (man_name(page.command) + ".1");
  std::ofstream out(file);
  out << man_page(page, see_also);
  out.close();
  if (!out) throw Error(file.string(), "cannot be written");
}

void write_man_pages(const CommandLine& line, const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) throw Error(folder.string(), "expected a folder to write man pages to");
  std::vector<std::string> verbs;
  for (const auto* verb : parts_of(line.app)) {
    write_man_page(folder, describe(line, *verb), {"ttt"});
    verbs.push_back("ttt " + verb->get_name());
  }
  write_man_page(folder, describe(line, line.app), verbs);
}

struct HelpOptions {
  std::string verb, man;
};

}  // namespace

HelpPage describe(const CommandLine& line, const CLI::App& app) {
  return &app == &line.app ? describe_program(line) : describe_verb(line, app);
}

std::string verb_names(const CLI::App& app) {
  std::string names;
  for (const auto* verb : parts_of(app)) names += (names.empty() ? "" : ", ") + verb->get_name();
  return names;
}

void add_help(CommandLine& line) {
  const auto o = std::make_shared<HelpOptions>();
  auto& verb = *line.app.add_subcommand("help", "");
  line.texts["help"] = {.summary = "Shows what a verb does and takes",
                        .about = "Prints what `ttt VERB --help` prints; without a verb, the list of verbs.",
                        .examples = {"ttt help generate", "ttt help --man share/man/man1"}};
  verb.add_option("verb", o->verb, "the verb to explain")->default_str("");
  verb.add_option("--man", o->man, "instead, write the man pages of the program and of every verb into this folder")
      ->check(file_name())
      ->default_str("")
      ->type_name("FOLDER");
  verb.callback([o, &line] {
    if (!o->man.empty()) return write_man_pages(line, o->man);
    print_result(help_text(describe(line, o->verb.empty() ? line.app : find_verb(line, o->verb))));
  });
}

}  // namespace ttt::app
