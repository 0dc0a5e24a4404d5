#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "model_loader.h"
#include "ttt/core/error.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::app {
namespace {

/// A device that is only planned for: it has no memory, and nothing is uploaded to it.
class PlannedDevice : public Device {
 public:
  PlannedDevice(DeviceConfig config, DeviceOptions options)
      : Device(std::move(config), std::move(options)), kernels_(silent_log()) {}
  const ops::KernelTable& kernels() const override { return kernels_; }
  int num_threads() const override { return 1; }
  std::shared_ptr<std::byte> allocate(std::size_t) override {
    throw DeviceError(config().name, "is only planned for, not opened");
  }
  std::shared_ptr<const float> upload(const Tensor&) override { return nullptr; }

 private:
  ops::KernelTable kernels_;
};

nlohmann::ordered_json formats_of(const Weights& weights, const std::vector<std::string>& names) {
  std::map<std::string, std::pair<std::int64_t, std::uint64_t>> formats;
  for (const auto& tensor : names) {
    const auto info = weights.find(tensor);
    auto& [count, bytes] = formats[std::string(name(info->dtype))];
    ++count;
    bytes += Tensor::bytes_for(info->dtype, info->shape);
  }
  auto json = nlohmann::ordered_json::array();
  for (const auto& [format, sums] : formats)
    json.push_back({{"format", format}, {"tensors", sums.first}, {"bytes", sums.second}});
  return json;
}

void run(const CommonOptions& o) {
  const auto checkpoint = Checkpoint::open(o.model);
  PlannedDevice device(DeviceConfig::named(o.device), o.device_options());
  nlohmann::ordered_json json{{"model_type", checkpoint.model_type},
                              {"config", nlohmann::ordered_json::parse(checkpoint.config.json())}};
  if (checkpoint.gguf) json["formats"] = formats_of(checkpoint.weights, checkpoint.gguf->names());
  const auto model = plan_model(checkpoint, o, device);
  const auto cache = cache_config(model, o, {}, device.config());
  const auto plan = plan_memory(model, cache, device.config(), 1);
  json["memory_plan"] = {{"device", device.config().name},       {"weights", plan.weights},
                         {"cache", plan.cache},                  {"workspace", plan.workspace},
                         {"total", plan.total()},                {"available", device.config().memory_bytes},
                         {"context", cache.max_tokens}};
  print_result(json.dump(2) + "\n");
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto* verb = app.add_subcommand("inspect", "Shows a checkpoint's config and formats, and its memory plan for a device");
  auto o = std::make_shared<CommonOptions>();
  o->add_to(*verb);
  verb->callback([o] { run(*o); });
}

}  // namespace ttt::app
