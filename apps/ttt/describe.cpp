#include <fmt/format.h>

#include "command_line.h"

namespace ttt::app {
namespace {

/// Named subcommands are verbs, nameless ones groups of options of which one is to be given.
std::vector<const CLI::App*> option_groups_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* part) { return part->get_name().empty(); });
}

/// An app's options, but for the copy of --help that an option group has.
std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([&](const CLI::Option* o) { return !app.get_name().empty() || o != app.get_help_ptr(); });
}

bool takes_many(const CLI::Option& option) {
  return option.get_expected_max() == CLI::detail::expected_max_vector_size;
}

/// The word `stdin` is given as a bare -.
bool is_bare_dash(const CLI::Option& option) {
  return option.get_positional() && option.get_name(true, false) == "stdin";
}

/// What an option takes, and its value when it is not given: "INT=512", "{mean,cls}=mean", "TEXT ...".
std::string value_of(const CLI::Option& option) {
  if (option.get_type_size() == 0) return {};
  auto value = option.get_type_name();
  if (const auto choices = value.find(":{"); choices != std::string::npos) value.erase(0, choices + 1);
  if (!option.get_default_str().empty()) value += "=" + option.get_default_str();
  if (takes_many(option)) value += " ...";
  return value;
}

HelpPage::Entry entry_of(const CLI::Option& option) {
  if (is_bare_dash(option)) return {"-", "", option.get_description()};
  const bool word = option.get_positional();
  auto text = option.get_description();
  if (!option.get_envname().empty()) text += fmt::format("; else what {} says", option.get_envname());
  if (option.get_required()) text += "; required";
  return {option.get_name(word, !word), value_of(option), text};
}

/// Adds the options of a verb or of one of its option groups, under the titles that they were given, or under `title`.
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
  if (option.get_positional()) return option.get_name(true, false) + (takes_many(option) ? "..." : "");
  const auto value = option.get_type_size() == 0 ? "" : " " + option.get_type_name();
  return "--" + option.get_lnames().front() + value;
}

std::string usage_of(const CLI::App& app) {
  if (!verbs_of(app).empty()) return "VERB [options]";
  std::string usage, words;
  for (const auto* option : options_of(app)) {
    if (option->get_positional())
      words += " " + (option->get_required() ? spelled(*option) : fmt::format("[{}]", spelled(*option)));
    else if (option->get_required())
      usage += spelled(*option) + " ";
  }
  for (const auto* group : option_groups_of(app)) {
    std::string choices;
    for (const auto* option : options_of(*group)) choices += (choices.empty() ? "" : " | ") + spelled(*option);
    usage += fmt::format("({}) ", choices);
  }
  return usage + "[options]" + words;
}

/// "ttt generate"
std::string command_of(const CLI::App& app) {
  return (app.get_parent() == nullptr ? "" : command_of(*app.get_parent()) + " ") + app.get_name();
}

}  // namespace

std::vector<const CLI::App*> verbs_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* part) { return !part->get_name().empty(); });
}

std::string verb_names(const CLI::App& app) {
  std::string names;
  for (const auto* verb : verbs_of(app)) names += (names.empty() ? "" : ", ") + verb->get_name();
  return names;
}

HelpPage describe(const CommandLine& line, const CLI::App& app) {
  const VerbText& text = line.texts.at(&app);
  HelpPage page{command_of(app), text.summary, text.about, usage_of(app), {}, text.examples};
  HelpPage::Group verbs{"Verbs", {}};
  for (const auto* verb : verbs_of(app)) verbs.entries.push_back({verb->get_name(), "", line.texts.at(verb).summary});
  if (!verbs.entries.empty()) page.groups.push_back(std::move(verbs));
  for (const auto* group : option_groups_of(app)) append_groups(page, *group, group->get_group() + ", exactly one of");
  append_groups(page, app, "");
  if (&app == &line.app)
    page.groups.push_back(
        {"Environment",
         {{"TTT_CPU_ISA", "",
           "generic, avx2, avx_vnni, avx512 or amx: a lower instruction-set level than the machine has"},
          {"TTT_MODEL_PATH", "", "folders with libttt_model_*.so, with colons between, as --model-path"},
          {"TTT_PACKED_CACHE", "", "folder in which packed weights are kept, as --packed-cache"}}});
  HelpPage::Group codes{"Exit codes",
                        {{"0", "", "done"}, {"1", "", text.failure}, {"2", "", "a command line that is not taken"}}};
  codes.entries.insert(codes.entries.end(), text.exit_codes.begin(), text.exit_codes.end());
  page.groups.push_back(std::move(codes));
  return page;
}

}  // namespace ttt::app
