#include "ttt/formats/weight_formats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>

#include "ttt/core/error.h"
#include "ttt/formats/glob.h"
#include "ttt/formats/quantize.h"

namespace ttt::inline v2 {

WeightFormats::WeightFormats(std::vector<Rule> rules, std::string where)
    : rules_(std::move(rules)), where_(std::move(where)) {
  const auto formats = load_formats();
  for (const auto& rule : rules_)
    if (std::ranges::find(formats, rule.format) == formats.end())
      throw ConfigError(
          where_, fmt::format("\"{}\": weights cannot be stored as {}; formats are {}", rule.tensors, name(rule.format),
                              fmt::join(formats | std::views::transform([](DType d) { return name(d); }), ", ")));
}

std::vector<WeightFormats::Rule>::const_iterator WeightFormats::find(std::string_view name) const {
  return std::ranges::find_if(rules_, [&](const Rule& rule) { return matches_glob(rule.tensors, name); });
}

std::optional<DType> WeightFormats::format_of(std::string_view name) const {
  const auto rule = find(name);
  return rule == rules_.end() ? std::nullopt : std::optional(rule->format);
}

void WeightFormats::check_all_used(std::span<const std::string> names) const {
  std::vector<bool> used(rules_.size() + 1, false);
  for (const auto& name : names) used[static_cast<std::size_t>(find(name) - rules_.begin())] = true;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (used[i]) continue;
    const auto matches = [&](const std::string& name) { return matches_glob(rules_[i].tensors, name); };
    const auto matched = std::ranges::find_if(names, matches);
    throw RequestError(
        where_, matched == names.end()
                    ? fmt::format("\"{}\" matches no tensor of this model; names are like {}", rules_[i].tensors,
                                  names.empty() ? "nothing" : names.front())
                    : fmt::format("\"{}\" decides for no tensor: {} and all others that it matches have a rule before",
                                  rules_[i].tensors, *matched));
  }
}

}  // namespace ttt::inline v2
