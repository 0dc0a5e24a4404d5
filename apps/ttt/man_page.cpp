#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "help_page.h"
#include "ttt/core/version.h"

namespace ttt::app {
namespace {

/// Text that roff shows as it is: characters that it would read as commands or as typographic ones are escaped.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'')
      out += "\\(aq";
    else if (c == '`')
      out += "\\(ga";
    else if (c == '"')
      out += "\\(dq";
    else if (c == '^')
      out += "\\(ha";
    else if (c == '~')
      out += "\\(ti";
    else
      out += c;
  }
  // At the start of a line a full stop would begin a request; an apostrophe, which would too, is a name by now.
  if (out.starts_with('.')) out.insert(0, "\\&");
  return out;
}

std::string bold(const std::string& text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

std::string man_name(const std::string& command) {
  std::string name = command;
  std::ranges::replace(name, ' ', '-');
  return name;
}

std::string man_page(const HelpPage& page, const std::vector<std::string>& see_also) {
  const auto name = man_name(page.command);
  // No date: the same program always writes the same page.
  std::string out =
      fmt::format(".TH {} 1 \"\" \"ttt {}\" \"TTT\"\n", escaped(upper(name)), escaped(std::string(version())));
  out += fmt::format(".SH NAME\n{} \\- {}\n", escaped(name), escaped(page.summary));
  out += fmt::format(".SH SYNOPSIS\n{} {}\n", bold(page.command), escaped(page.usage));
  out += fmt::format(".SH DESCRIPTION\n{}\n", escaped(page.about));
  for (const auto& group : page.groups) {
    out += fmt::format(".SH {}\n", escaped(upper(group.title)));
    for (const auto& [entry, value, text] : group.entries)
      out += fmt::format(".TP\n{}{}\n{}\n", bold(entry), value.empty() ? "" : " " + italic(value), escaped(text));
  }
  if (!page.examples.empty()) out += ".SH EXAMPLES\n";
  for (const auto& example : page.examples) out += fmt::format(".PP\n.EX\n{}\n.EE\n", escaped(example));
  if (!see_also.empty()) out += ".SH SEE ALSO\n";
  for (const auto& other : see_also)
    out += fmt::format("{}(1){}\n", bold(man_name(other)), &other == &see_also.back() ? "" : ",");
  return out;
}

}  // namespace ttt::app
