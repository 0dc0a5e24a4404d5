#include "scan_imports.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <string>

#include "scan_words.h"

namespace ttt::app {
namespace {

using Kind = Token::Kind;
using Parts = std::vector<std::string_view>;

/// Whether a folder of that name is above the file: then what it holds is of the same model. Only what follows `models`
/// counts where there is such a folder, as a checkout may be called anything.
bool is_own(const Source& source, std::string_view folder) {
  const auto above = source.path.parent_path();
  auto first = above.begin();
  for (auto part = above.begin(); part != above.end(); ++part)
    if (*part == "models") first = std::next(part);
  return std::any_of(first, above.end(), [&](const auto& part) { return part.string() == folder; });
}

/// The parts of an imported path: whether the first of them that names a model names another one.
bool is_other_model(const Source& source, const Parts& parts, bool below_models) {
  for (const auto part : parts) {
    const bool general =
        is_one_of(part, {"demos", "experimental", "wormhole", "blackhole", "grayskull", "t3000", "tg"});
    if (below_models && !general) return !is_one_of(part, {"common", "utility_functions"}) && !is_own(source, part);
    if (!below_models && is_family(part)) return !is_own(source, part);
  }
  return false;
}

/// The dotted name after `from` or `import`, and how many dots it begins with.
bool is_python_import(const Source& source, std::size_t i) {
  Parts parts;
  int dots = 0;
  for (++i; source.at(i).is(".") || source.at(i).kind == Kind::word; ++i) {
    if (source.at(i).is("import") || source.at(i).is("as")) break;
    if (source.at(i).kind == Kind::word)
      parts.push_back(source.at(i).text);
    else if (parts.empty())
      ++dots;
  }
  if (dots == 0) {
    if (parts.size() < 2 || parts.front() != "models") return false;
    parts.erase(parts.begin());
    return is_other_model(source, parts, true);
  }
  return dots > 1 && is_other_model(source, parts, false);
}

/// The path of an #include, between quotes or angle brackets.
std::string_view included_path(const Source& source, std::size_t first) {
  if (source.at(first).kind == Kind::string) return source.at(first).text;
  if (!source.at(first).is("<")) return {};
  constexpr std::size_t kLongest = 256;  // tokens
  const char* const begin = source.at(first).text.data() + 1;
  for (auto i = first; i < first + kLongest && source.at(i).kind != Kind::line_end; ++i)
    if (source.at(i).is(">")) return {begin, static_cast<std::size_t>(source.at(i).text.data() - begin)};
  return {};
}

bool is_include(const Source& source, std::size_t i) {
  Parts parts;
  for (const auto part : std::views::split(included_path(source, i + 1), '/'))
    parts.emplace_back(part.begin(), part.end());
  if (parts.size() < 2) return false;
  parts.pop_back();
  if (const auto models = std::ranges::find(parts, "models"); models != parts.end())
    return is_other_model(source, Parts(models + 1, parts.end()), true);
  return parts.front() == ".." && is_other_model(source, parts, false);
}

}  // namespace

bool is_cross_model_import(const Source& source, std::size_t i) {
  const auto& token = source.at(i);
  if (token.is("include")) return source.at(i - 1).is("#") && is_include(source, i);
  const bool begins = source.at(i - 1).kind == Kind::line_end;
  return begins && (token.is("from") || token.is("import")) && is_python_import(source, i);
}

}  // namespace ttt::app
