#pragma once
#include <compare>
#include <map>
#include <string>
#include <vector>

#include "migration_report.h"
#include "model_settings.h"
#include "v1_precision.h"

namespace ttt::app {

/// What version 1 read of the model itself.
struct V1Model {
  std::string name;  ///< the last part of HF_MODEL, by which presets were chosen
  int num_layers;
  FeedForward feed_forward;
};

/// The precision of every layer of a model as version 1 had it, and the report of each key that says so. Keys and
/// values that several layers share make one line.
class PrecisionMigration {
 public:
  PrecisionMigration(const V1Model& model, v1::Preset preset, std::vector<ReportLine>& report);

  /// The preset alone.
  void take_preset();
  /// The decoders of a decoder precision JSON, the preset where they say nothing. Throws ConfigError for a layer that
  /// the model has not.
  void take_decoders(const std::map<int, v1::DecoderSettings>& decoders, const std::string& where);

  /// The layers whose precision is their own.
  const std::map<int, v1::LayerPrecision>& layers() const { return layers_; }
  const v1::LayerPrecision& others() const { return others_; }

 private:
  struct Note {
    std::string key;
    Outcome outcome;
    std::string what;
    auto operator<=>(const Note&) const = default;
  };

  void take_decoder(int layer, const v1::DecoderSettings& settings);
  void take_precision(int layer, const v1::LayerPrecision& given);
  void report_completion(int layer, const v1::LayerPrecision& given);
  void report_missing(const std::map<int, v1::DecoderSettings>& decoders);
  void note(int layer, Outcome outcome, std::string key, std::string what);

  V1Model model_;
  v1::Preset preset_;
  v1::LayerPrecision others_;
  std::map<int, v1::LayerPrecision> layers_;
  std::map<Note, std::vector<int>> by_layers_;
  std::vector<ReportLine>& report_;
};

}  // namespace ttt::app
