#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "model_loader.h"
#include "planned_device.h"
#include "tensor_list.h"
#include "ttt/core/error.h"
#include "verbs.h"

namespace ttt::app {
namespace {

using Json = nlohmann::ordered_json;

std::string format_of(const ListedTensor& tensor) {
  return tensor.info ? std::string(name(tensor.info->dtype)) : "unknown";
}

Json tensors_as_json(const std::vector<ListedTensor>& tensors) {
  auto list = Json::array();
  for (const auto& tensor : tensors) {
    Json shape;
    if (tensor.info) shape = tensor.info->shape.dims();
    list.push_back({{"name", tensor.name}, {"format", format_of(tensor)}, {"shape", shape}, {"bytes", tensor.bytes}});
  }
  return list;
}

/// Of each format, how many tensors, elements and bytes there are.
Json formats_as_json(const std::vector<ListedTensor>& tensors) {
  struct Sums {
    std::int64_t tensors = 0, elements = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Sums> formats;
  for (const auto& tensor : tensors) {
    auto& sums = formats[format_of(tensor)];
    ++sums.tensors;
    sums.elements += tensor.info ? tensor.info->shape.count() : 0;
    sums.bytes += tensor.bytes;
  }
  auto json = Json::array();
  for (const auto& [format, sums] : formats)
    json.push_back({{"format", format}, {"tensors", sums.tensors}, {"elements", sums.elements}, {"bytes", sums.bytes}});
  return json;
}

Json plan_as_json(const MemoryPlan& plan, std::int64_t context) {
  return {{"device", plan.device},       {"context", context},    {"weights", plan.weights},     {"cache", plan.cache},
          {"workspace", plan.workspace}, {"total", plan.total()}, {"available", plan.available}, {"fits", plan.fits()}};
}

std::string as_text(const Json& json, const std::vector<ListedTensor>& tensors) {
  auto text =
      fmt::format("{} ({})\n\nconfig\n", json["model"].get<std::string>(), json["model_type"].get<std::string>());
  for (const auto& [key, value] : json["config"].items())
    text += fmt::format("  {} = {}\n", key, value.dump(-1, ' ', false, Json::error_handler_t::replace));
  text += "\ntensors\n";
  for (const auto& tensor : tensors)
    text += fmt::format("  {:<48} {:<8} {:<18} {:>12}\n", tensor.name, format_of(tensor),
                        tensor.info ? tensor.info->shape.str() : "?", format_bytes(tensor.bytes));
  text += "\nformats\n";
  for (const auto& format : json["formats"])
    text += fmt::format("  {:<8} {:>6} tensors {:>14} elements {:>12}\n", format["format"].get<std::string>(),
                        format["tensors"].get<std::int64_t>(), format["elements"].get<std::int64_t>(),
                        format_bytes(format["bytes"].get<std::uint64_t>()));
  return text;
}

}  // namespace

void run_inspect(const CommonOptions& o) {
  const auto checkpoint = Checkpoint::open(o.model);
  const auto device = open_or_plan(o.device_config(), o.device_options());
  const auto tensors = list_tensors(*checkpoint.source);
  Json json{{"model", o.model},
            {"model_type", checkpoint.model_type},
            {"config", Json::parse(checkpoint.config.json())},
            {"tensors", tensors_as_json(tensors)},
            {"formats", formats_as_json(tensors)},
            {"memory_plan", nullptr}};
  auto text = as_text(json, tensors);
  try {
    const auto show_plan = [&](const auto& model) {
      const auto cache = cache_config(model, o, {}, device->config());
      const auto plan = plan_memory(model, cache, device->config(), 1);
      json["memory_plan"] = plan_as_json(plan, cache.max_tokens);
      text += fmt::format("\nmemory plan for {}, {} tokens of context{}\n{}", plan.device, cache.max_tokens,
                          plan.fits() ? "" : ": does not fit", plan.table());
    };
    std::visit(show_plan, plan_model(checkpoint, o, *device));
  } catch (const ConfigError& e) {
    // A checkpoint that no model here can run is shown all the same.
    device->options().log(LogLevel::warning, fmt::format("no memory plan: {}", e.what()));
  }
  print_result(o.json ? to_text(json) : text);
}

}  // namespace ttt::app
