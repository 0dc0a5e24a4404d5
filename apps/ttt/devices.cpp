#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "verbs.h"

namespace ttt::app {
namespace {

nlohmann::ordered_json params(const DeviceConfig& config) {
  nlohmann::ordered_json all;
  for (const auto operation : {AttentionParams::operation, LinearParams::operation, PrefillParams::operation})
    all[std::string(operation)] = config.get_optimal_params(operation);
  return all;
}

}  // namespace

void run_devices(const DevicesOptions& o) {
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
  print_result(o.json ? to_text({{"devices", list}}) : plain);
}

}  // namespace ttt::app
