#include "model_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace ttt::app {
namespace {

using v1::TensorGroup;

std::string_view format_of(v1::Precision precision) {
  switch (precision) {
    case v1::Precision::bfp4:
      return "bfp4";
    case v1::Precision::bfp8:
      return "bfp8";
    case v1::Precision::bf16:
      return "bf16";
  }
  return "";
}

/// A module of a layer whose projections are in two groups.
struct Module {
  std::string_view name;
  TensorGroup first, second;
  std::vector<std::string_view> first_tensors, second_tensors;
};

std::array<Module, 2> modules(FeedForward feed_forward) {
  return {{{"self_attn", TensorGroup::wqkv, TensorGroup::wo, {"q_proj", "k_proj", "v_proj"}, {"o_proj"}},
           {feed_forward == FeedForward::dense ? "mlp" : "mlp.experts.*",
            TensorGroup::ff1_ff3,
            TensorGroup::ff2,
            {"gate_proj", "up_proj"},
            {"down_proj"}}}};
}

/// Rules for the groups of a layer ("31", or "*" for all) that `precision` names. A module's projections are all of it
/// that ends in "_proj", so one rule is exact where they have one format.
void add_rules(std::vector<ModelSettings::Rule>& rules, std::string_view layer, const v1::LayerPrecision& precision,
               FeedForward feed_forward) {
  for (const auto& module : modules(feed_forward)) {
    const auto add = [&](std::string_view tensor, v1::Precision p) {
      rules.push_back(
          {fmt::format("model.layers.{}.{}.{}.weight", layer, module.name, tensor), std::string(format_of(p))});
    };
    const auto first = precision.find(module.first), second = precision.find(module.second);
    if (first != precision.end() && second != precision.end() && first->second == second->second) {
      add("*_proj", first->second);
      continue;
    }
    if (first != precision.end())
      for (const auto tensor : module.first_tensors) add(tensor, first->second);
    if (second != precision.end())
      for (const auto tensor : module.second_tensors) add(tensor, second->second);
  }
}

/// Of each group of weights, the precision that most layers have; that of the layers not in the map where as many do.
v1::LayerPrecision commonest(const std::map<int, v1::LayerPrecision>& layers, const v1::LayerPrecision& others,
                             int num_layers) {
  v1::LayerPrecision result;
  for (const auto group : {TensorGroup::ff1_ff3, TensorGroup::ff2, TensorGroup::wqkv, TensorGroup::wo}) {
    std::map<v1::Precision, int> votes{{others.at(group), num_layers - static_cast<int>(layers.size())}};
    for (const auto& [layer, precision] : layers) ++votes[precision.at(group)];
    auto best = votes.find(others.at(group));
    for (auto vote = votes.begin(); vote != votes.end(); ++vote)
      if (vote->second > best->second) best = vote;
    result[group] = best->first;
  }
  return result;
}

}  // namespace

nlohmann::ordered_json ModelSettings::json() const {
  auto rules = nlohmann::ordered_json::array();
  for (const auto& rule : weight_formats) rules.push_back({{"tensors", rule.tensors}, {"format", rule.format}});
  nlohmann::ordered_json json{{"weight_formats", rules}, {"kv_dtype", kv_dtype}, {"device", device}};
  if (page_size) json["device_params"] = {{"attention", {{"page_size", *page_size}}}};
  return json;
}

std::vector<ModelSettings::Rule> weight_rules(const std::map<int, v1::LayerPrecision>& layers,
                                              const v1::LayerPrecision& others, int num_layers,
                                              FeedForward feed_forward) {
  const auto general = commonest(layers, others, num_layers);
  std::vector<ModelSettings::Rule> rules;
  const auto add_exceptions = [&](int layer, const v1::LayerPrecision& precision) {
    v1::LayerPrecision exceptions;
    for (const auto& [group, common] : general)
      if (precision.at(group) != common) exceptions[group] = precision.at(group);
    add_rules(rules, std::to_string(layer), exceptions, feed_forward);
  };
  for (int layer = 0; layer < num_layers; ++layer) {
    const auto found = layers.find(layer);
    add_exceptions(layer, found == layers.end() ? others : found->second);
  }
  add_rules(rules, "*", general, feed_forward);
  return rules;
}

}  // namespace ttt::app
