#include "help_page.h"

#include <fmt/format.h>

#include <sstream>

namespace ttt::app {
namespace {

constexpr std::size_t kColumns = 100, kTextColumn = 30;

/// Appends the words of `text`, each line of them but the first after `indent` blanks; `column` is where the first
/// begins.
void append_wrapped(std::string& out, const std::string& text, std::size_t column, std::size_t indent) {
  std::istringstream words(text);
  bool line_has_words = false;
  for (std::string word; words >> word; line_has_words = true) {
    const auto width = word.size() + (line_has_words ? 1 : 0);
    if (line_has_words && column + width > kColumns) {
      out += '\n' + std::string(indent, ' ') + word;
      column = indent + word.size();
    } else {
      out += (line_has_words ? " " : "") + word;
      column += width;
    }
  }
  out += '\n';
}

void append_entry(std::string& out, const HelpPage::Entry& entry) {
  const std::string name = fmt::format("  {}{}{}", entry.name, entry.value.empty() ? "" : " ", entry.value);
  out += name;
  if (name.size() + 1 > kTextColumn)
    out += '\n' + std::string(kTextColumn, ' ');
  else
    out += std::string(kTextColumn - name.size(), ' ');
  append_wrapped(out, entry.text, kTextColumn, kTextColumn);
}

}  // namespace

std::string help_text(const HelpPage& page) {
  std::string out = fmt::format("{}\n\nUsage: {} {}\n\n", page.summary, page.command, page.usage);
  append_wrapped(out, page.about, 0, 0);
  for (const auto& group : page.groups) {
    out += fmt::format("\n{}:\n", group.title);
    for (const auto& entry : group.entries) append_entry(out, entry);
  }
  if (!page.examples.empty()) out += "\nExamples:\n";
  for (const auto& example : page.examples) out += fmt::format("  {}\n", example);
  return out;
}

}  // namespace ttt::app
