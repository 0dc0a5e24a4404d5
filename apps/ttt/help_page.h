#pragma once
#include <string>
#include <vector>

namespace ttt::app {

/// What is to be said of a verb, or of the program: help and man pages are two renderings of it.
struct HelpPage {
  /// A flag, and as well a verb, a variable of the environment or an exit code.
  struct Entry {
    std::string name;   ///< "-p,--prefill"
    std::string value;  ///< "INT=512": what it takes and its default; empty for a switch
    std::string text;   ///< what it is for
  };
  /// Entries under a title.
  struct Group {
    std::string title;
    std::vector<Entry> entries;
  };

  std::string command;  ///< "ttt generate"
  std::string summary;  ///< one line without a full stop
  std::string about;    ///< one paragraph
  std::string usage;    ///< what follows `command`: "--model PATH [options]"
  std::vector<Group> groups;
  std::vector<std::string> examples;  ///< command lines
};

/// The page as plain text of at most 100 columns, unless a word is longer.
std::string help_text(const HelpPage& page);

/// The page in the language of man(7), for section 1. `see_also` are commands that have pages, too.
std::string man_page(const HelpPage& page, const std::vector<std::string>& see_also);

/// The name of a command's man page: "ttt-generate" for "ttt generate".
std::string man_name(const std::string& command);

}  // namespace ttt::app
