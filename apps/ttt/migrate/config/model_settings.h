#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "v1_precision.h"

namespace ttt::app {

/// The settings file that `--settings` reads: how a model's weights and cache are stored, and on what device.
struct ModelSettings {
  /// The format of the tensors that a glob matches; the first rule that matches counts.
  struct Rule {
    std::string tensors;  ///< "model.layers.*.mlp.gate_proj.weight"
    std::string format;   ///< "bfp8"
  };
  std::vector<Rule> weight_formats;
  std::string kv_dtype;
  std::string device = "auto";
  std::optional<std::int64_t> page_size;  ///< tokens in a page of the cache; nothing: the device's choice

  nlohmann::ordered_json json() const;
};

/// Whether a model's feed-forward layers have experts, which are tensors of their own.
enum class FeedForward { dense, experts };

/// The rules that give layer i of `num_layers` the weight precisions `layers[i]`, and `others` to a layer that is not
/// in it: those of single layers first, then one for all layers, whose precision is the commonest.
std::vector<ModelSettings::Rule> weight_rules(const std::map<int, v1::LayerPrecision>& layers,
                                              const v1::LayerPrecision& others, int num_layers,
                                              FeedForward feed_forward);

}  // namespace ttt::app
