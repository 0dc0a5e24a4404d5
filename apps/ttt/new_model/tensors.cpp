#include "tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

constexpr std::string_view kWeight = ".weight";

/// What most tensors have before ".0.".
std::string find_layers(const WeightSource& source) {
  std::map<std::string, int> votes;
  for (const auto& name : source.names())
    if (const auto at = name.find(".0."); at != name.npos) ++votes[name.substr(0, at)];
  if (votes.empty())
    throw FormatError(source.where(),
                      "no tensor has a layer's number in its name; expected names such as model.layers.0...");
  return std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; })->first;
}

}  // namespace

std::string parent(const std::string& module) {
  return module.substr(0, module.rfind('.') == module.npos ? 0 : module.rfind('.'));
}
std::string last(const std::string& module) {
  return module.substr(module.rfind('.') == module.npos ? 0 : module.rfind('.') + 1);
}

std::string without_numbers(std::string_view name) {
  std::string result;
  while (!name.empty()) {
    const auto part = name.substr(0, name.find('.'));
    const bool number = part.find_first_not_of("0123456789") == part.npos;
    (result += result.empty() ? "" : ".") += number ? "N" : part;
    name.remove_prefix(std::min(name.size(), part.size() + 1));
  }
  return result;
}

Tensors::Tensors(const WeightSource& source) : source_(source), layers_(find_layers(source)) {
  for (const auto& name : source.names()) {
    if (is_saved_buffer(source, name)) continue;
    int layer = 0;
    const char* const start = name.data() + std::min(name.size(), layers_.size() + 1);
    const auto [end, error] = std::from_chars(start, name.data() + name.size(), layer);
    if (!name.starts_with(layers_ + ".") || error != std::errc() || *end != '.') {
      outside_.insert(name);
      continue;
    }
    in_layer_[end + 1].insert(layer);
    num_layers_ = std::max(num_layers_, layer + 1);
  }
}

Shape Tensors::shape(const std::string& in_layer) const {
  return source_.find(fmt::format("{}.{}.{}", layers_, *in_layer_.at(in_layer).begin(), in_layer))->shape;
}

std::optional<std::string> Tensors::module(Names names) const {
  for (const auto name : names)
    for (const auto& [tensor, layers] : in_layer_) {
      const auto weight = fmt::format(".{}{}", name, kWeight);
      if (("." + tensor).ends_with(weight) && tensor.find("expert") == tensor.npos)
        return tensor.substr(0, tensor.size() - kWeight.size());
    }
  return std::nullopt;
}

std::optional<std::string> Tensors::module_outside(Names ends, int rank) const {
  for (const auto end : ends)
    for (const auto& name : outside_)
      if (name.ends_with(fmt::format("{}{}", end, kWeight)) && shape_outside(name).rank() == rank)
        return name.substr(0, name.size() - kWeight.size());
  return std::nullopt;
}

}  // namespace ttt::app
