#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "cli.h"
#include "migrate/migrate_verbs.h"
#include "options.h"
#include "scan_rules.h"
#include "ttt/core/error.h"
#include "ttt/core/log.h"
#include "ttt/formats/mapped_file.h"

namespace ttt::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestSource = 8u << 20;

struct Finding {
  std::string file;
  int line;
  const ScanRule* rule;
  std::string text;  ///< the line, as it can be printed
};

void warn(const fs::path& path, std::string_view what) {
  stderr_log()(LogLevel::warning, fmt::format("[{}] {}", path.string(), what));
}

std::optional<Language> language_of(const fs::path& file) {
  const auto extension = file.extension().string();
  if (extension == ".py") return Language::python;
  static const std::set<std::string> kCpp{".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh",
                                          ".h", ".hh", ".hpp", ".hxx", ".inl"};
  return kCpp.contains(extension) ? std::optional(Language::cpp) : std::nullopt;
}

/// The sources below a folder, sorted. Links to folders are not followed, as they may lead back.
std::vector<fs::path> sources_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(folder, error);
  if (error) throw FormatError(folder.string(), fmt::format("cannot be read: {}", error.message()));
  for (const fs::recursive_directory_iterator end; entry != end; entry.increment(error)) {
    std::error_code ignored;
    const auto& path = entry->path();
    if (!entry->is_directory(ignored)) {
      if (language_of(path)) files.push_back(path);
      continue;
    }
    const bool hidden = path.filename().string().starts_with('.');
    const bool readable = access(path.c_str(), R_OK | X_OK) == 0;
    if (hidden || !readable) entry.disable_recursion_pending();
    if (entry->is_symlink(ignored))
      warn(path, "is a link to a folder, which is not followed");
    else if (!hidden && !readable)
      warn(path, "cannot be read");
  }
  if (error) throw FormatError(folder.string(), fmt::format("cannot be read: {}", error.message()));
  std::ranges::sort(files);
  return files;
}

/// Without bytes that would move the cursor.
std::string printable(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

/// A source line without its indentation, cut where it is long.
std::string printable_line(std::string_view source, const char* at) {
  constexpr std::size_t kLongest = 100;
  const auto offset = static_cast<std::size_t>(at - source.data());
  const auto begin = offset == 0 ? 0 : source.rfind('\n', offset - 1) + 1;
  auto line = source.substr(begin, source.find('\n', begin) - begin);
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  std::string_view dots;
  if (line.size() > kLongest) {
    auto length = kLongest;
    while (length > 0 && (line[length] & 0xC0) == 0x80) --length;  // not within a UTF-8 character
    line = line.substr(0, length);
    dots = "...";
  }
  auto text = printable(std::string(line));
  text.erase(text.find_last_not_of(' ') + 1);
  return text.append(dots);
}

void scan_source(const fs::path& path, std::string_view text, std::vector<Finding>& findings) {
  const auto source = Source::parse(fs::absolute(path), text, *language_of(path));
  if (source.unclosed_line != 0)
    warn(path, fmt::format("line {}: a comment or string begins that never ends; nothing after it is scanned",
                           source.unclosed_line));
  std::set<std::pair<int, const ScanRule*>> seen;
  for (std::size_t i = 0; i < source.tokens.size(); ++i)
    for (const auto& rule : scan_rules())
      if (rule.matches(source, i) && seen.insert({source.tokens[i].line, &rule}).second)
        findings.push_back(
            {path.generic_string(), source.tokens[i].line, &rule, printable_line(text, source.tokens[i].text.data())});
}

/// False, with a warning, for a file that is no source that can be read.
bool scan_file(const fs::path& path, std::vector<Finding>& findings) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (!error && size == 0) return true;
  if (!error && size > kLargestSource) {
    warn(path, fmt::format("is not scanned: {} bytes, more than {}", size, kLargestSource));
    return false;
  }
  try {
    const auto file = MappedFile::open(path);
    const std::string_view text(reinterpret_cast<const char*>(file.data().get()), file.size());
    if (text.find('\0') == text.npos) {
      scan_source(path, text, findings);
      return true;
    }
    warn(path, "is not scanned: it is binary");
  } catch (const FormatError& e) {
    stderr_log()(LogLevel::warning, e.what());
  }
  return false;
}

std::string as_text(const std::vector<Finding>& findings, std::size_t files) {
  std::string text;
  std::set<std::string> found_in;
  for (const auto& finding : findings) {
    text += fmt::format("{}:{}: {}: {}\n    instead: {}\n", printable(finding.file), finding.line, finding.rule->name,
                        finding.text, finding.rule->instead);
    found_in.insert(finding.file);
  }
  return text + fmt::format("{} found in {} of {} files\n", findings.size(), found_in.size(), files);
}

nlohmann::ordered_json as_json(const std::vector<Finding>& findings, std::size_t files,
                               const std::vector<std::string>& skipped) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& finding : findings)
    list.push_back({{"file", finding.file},
                    {"line", finding.line},
                    {"pattern", finding.rule->name},
                    {"text", finding.text},
                    {"instead", finding.rule->instead}});
  return {{"files", files}, {"findings", list}, {"skipped", skipped}};
}

}  // namespace

void run_migrate_scan(const MigrateScanOptions& o) {
  std::error_code ignored;
  const bool is_file = fs::is_regular_file(o.folder, ignored);
  if (is_file && !language_of(o.folder)) throw FormatError(o.folder, "is no Python or C++ source");
  const auto paths = is_file ? std::vector{fs::path(o.folder)} : sources_below(o.folder);
  if (paths.empty()) throw FormatError(o.folder, "holds no Python or C++ source");
  std::vector<Finding> findings;
  std::vector<std::string> skipped;
  for (const auto& path : paths)
    if (!scan_file(path, findings)) skipped.push_back(path.generic_string());
  const auto files = paths.size() - skipped.size();
  if (files == 0) throw FormatError(o.folder, "holds no Python or C++ source that can be scanned");
  print_result(o.json ? to_text(as_json(findings, files, skipped)) : as_text(findings, files));
  if (!findings.empty()) throw FindingsReported();
}

}  // namespace ttt::app
