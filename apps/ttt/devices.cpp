#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "options.h"

namespace ttt::app {
namespace {

nlohmann::ordered_json params(const DeviceConfig& config) {
  nlohmann::ordered_json all;
  for (const auto operation : {AttentionParams::operation, LinearParams::operation, PrefillParams::operation})
    all[std::string(operation)] = config.get_optimal_params(operation);
  return all;
}

void run(bool json) {
  auto list = nlohmann::ordered_json::array();
  std::string plain;
  const auto add = [&](const DeviceConfig& c) {
    list.push_back({{"name", c.name},
                    {"backend", c.backend},
                    {"isa", c.isa},
                    {"features", c.features},
                    {"cores", c.num_cores},
                    {"memory_bytes", c.memory_bytes},
                    {"memory_bandwidth", c.memory_bandwidth},
                    {"l2_bytes", c.l2_bytes},
                    {"l3_bytes", c.l3_bytes},
                    {"tile", {c.tile_rows, c.tile_cols}},
                    {"params", params(c)}});
    plain += fmt::format("{:<16} {:<12} {:<8} {:>5} cores {:>9.1f} GiB\n", c.name, c.backend, c.isa, c.num_cores,
                         static_cast<double>(c.memory_bytes) / (1 << 30));
  };
  add(DeviceConfig::auto_detect());
  for (const auto& name : DeviceConfig::known_names())
    if (name != "cpu" && name != "auto") add(DeviceConfig::named(name));
  print_result(json ? to_text({{"devices", list}}) : plain);
}

}  // namespace

void add_devices(CLI::App& app) {
  auto* verb = app.add_subcommand("devices", "Lists this machine and the devices that plans can be made for");
  auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "one JSON document");
  verb->callback([json] { run(*json); });
}

}  // namespace ttt::app
