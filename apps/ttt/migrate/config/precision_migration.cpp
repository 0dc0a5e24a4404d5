#include "precision_migration.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

using v1::LayerPrecision;
using v1::TensorGroup;

std::string groups_text(const LayerPrecision& precision) {
  std::string text;
  for (const auto& [group, value] : precision)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", v1::name(group), v1::name(value));
  return text;
}

}  // namespace

PrecisionMigration::PrecisionMigration(const V1Model& model, v1::Preset preset, std::vector<ReportLine>& report)
    : model_(model), preset_(preset), others_(v1::preset_precision(preset, model.name)), report_(report) {}

void PrecisionMigration::take_preset() {
  report_.push_back({Outcome::carried, "optimizations",
                     fmt::format("{} for {}: {}", v1::name(preset_), model_.name, groups_text(others_))});
  report_.push_back(
      {Outcome::no_counterpart, "optimizations", "the preset's math fidelities: sums are float32 on every device"});
  report_.push_back(
      {Outcome::no_counterpart, "optimizations",
       fmt::format("version 1 first looked for model_params/{}/{}_decoder_config.json; where it is there, "
                   "give it as --decoder-precision",
                   model_.name, v1::name(preset_))});
}

void PrecisionMigration::take_decoders(const std::map<int, v1::DecoderSettings>& decoders, const std::string& where) {
  if (const int last = decoders.rbegin()->first; last >= model_.num_layers)
    throw ConfigError(where, fmt::format("decoders.{}: the model has layers 0 to {}", last, model_.num_layers - 1));
  // Version 1 gave a decoder precision JSON's presets a made-up model name, so no model's own preset applied.
  others_ = v1::preset_precision(preset_, "model");
  report_.push_back({Outcome::carried, "optimizations",
                     fmt::format("{}, where decoders say nothing. Beside a decoder precision JSON version 1 took the "
                                 "preset of a model it has no own rule for: {}",
                                 v1::name(preset_), groups_text(others_))});
  for (const auto& [layer, settings] : decoders) take_decoder(layer, settings);
  report_missing(decoders);
  using Line = std::pair<Note, std::vector<int>>;
  std::vector<Line> lines(by_layers_.begin(), by_layers_.end());
  std::ranges::sort(lines, {}, [](const Line& line) { return std::pair(line.second.front(), line.first); });
  for (const auto& [line, numbers] : lines)
    report_.push_back({line.outcome, fmt::format("decoders.{}{}", layer_ranges(numbers), line.key), line.what});
}

void PrecisionMigration::take_decoder(int layer, const v1::DecoderSettings& settings) {
  if (settings.precision_cfg)
    take_precision(layer, *settings.precision_cfg);
  else
    note(layer, Outcome::carried, "", "no precision_cfg: the preset's precisions");
  for (const auto& [op, fidelity] : settings.fidelity_cfg.value_or(std::map<std::string, std::string>{}))
    note(layer, Outcome::no_counterpart, ".fidelity_cfg." + op,
         fmt::format("{}: there is no math fidelity to choose; sums are float32 on every device", fidelity));
}

void PrecisionMigration::take_precision(int layer, const LayerPrecision& given) {
  auto& precision = layers_[layer] = v1::default_precision();
  for (const auto& [group, value] : given) {
    const auto key = fmt::format(".precision_cfg.{}", v1::name(group));
    if (group == TensorGroup::activation) {
      note(layer, Outcome::no_counterpart, key,
           fmt::format("{}: activations are float32 between operations", v1::name(value)));
      continue;
    }
    precision[group] = value;
    if (group == TensorGroup::kv_cache)
      note(layer, Outcome::changed, key, fmt::format("{}: KV_CACHE below says what all layers have", v1::name(value)));
    else
      note(layer, Outcome::carried, key, std::string(v1::name(value)));
  }
  report_completion(layer, given);
}

void PrecisionMigration::report_completion(int layer, const LayerPrecision& given) {
  LayerPrecision added, differs;
  for (const auto& [group, value] : v1::default_precision())
    if (!given.contains(group)) {
      added[group] = value;
      if (others_.at(group) != value) differs[group] = others_.at(group);
    }
  if (added.empty()) return;
  note(layer, Outcome::carried, ".precision_cfg",
       fmt::format("is partial; version 1 silently completed it with {}{}; the settings say so", groups_text(added),
                   differs.empty() ? "" : fmt::format(", not with the preset's {}", groups_text(differs))));
}

void PrecisionMigration::report_missing(const std::map<int, v1::DecoderSettings>& decoders) {
  for (int layer = 0; layer < model_.num_layers; ++layer) {
    if (decoders.contains(layer)) continue;
    if (layer < decoders.rbegin()->first)
      note(layer, Outcome::carried, "", "not in the JSON: the preset's precisions");
    else
      note(layer, Outcome::changed, "",
           "after the JSON's last layer, where version 1 stopped with a KeyError: the preset's precisions");
  }
}

void PrecisionMigration::note(int layer, Outcome outcome, std::string key, std::string what) {
  by_layers_[{std::move(key), outcome, std::move(what)}].push_back(layer);
}

}  // namespace ttt::app
