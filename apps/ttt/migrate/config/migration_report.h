#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace ttt::app {

/// What became of a setting.
enum class Outcome { carried, changed, no_counterpart };

struct ReportLine {
  Outcome outcome;
  std::string key;  ///< as version 1 spelled it
  std::string what;
};

/// Columns of outcome and key, then what became of it.
std::string to_text(std::span<const ReportLine> report);
nlohmann::ordered_json to_json(std::span<const ReportLine> report);

/// "0-30,32" for layers in ascending order.
std::string layer_ranges(std::span<const int> layers);

}  // namespace ttt::app
