#include "migration_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ttt::app {
namespace {

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::carried:
      return "carried";
    case Outcome::changed:
      return "changed";
    case Outcome::no_counterpart:
      return "no counterpart";
  }
  return "";
}

}  // namespace

std::string to_text(std::span<const ReportLine> report) {
  std::size_t width = 0;
  for (const auto& line : report) width = std::max(width, line.key.size());
  std::string text;
  for (const auto& line : report)
    text += fmt::format("{:<14}  {:<{}}  {}\n", name(line.outcome), line.key, width, line.what);
  return text;
}

nlohmann::ordered_json to_json(std::span<const ReportLine> report) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& line : report)
    list.push_back({{"key", line.key}, {"outcome", name(line.outcome)}, {"what", line.what}});
  return list;
}

std::string layer_ranges(std::span<const int> layers) {
  std::string text;
  for (std::size_t i = 0; i < layers.size();) {
    std::size_t last = i;
    while (last + 1 < layers.size() && layers[last + 1] == layers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", layers[i]);
    if (last > i) text += fmt::format("-{}", layers[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace ttt::app
