#include "ttt/hardware/device_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <ranges>
#include <set>

#include "ttt/core/error.h"
#include "ttt/formats/strict_json.h"
#include "ttt/hardware/backend.h"
#include "ttt/hardware/cpu_features.h"
#include "ttt/hardware/cpu_topology.h"

namespace ttt::inline v2 {
namespace {

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  // The kernel refuses a set with room for fewer CPUs than it was built for.
  for (int room = CPU_SETSIZE; cpus.empty() && room <= (1 << 16); room *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(room), [](cpu_set_t* s) { CPU_FREE(s); });
    const auto bytes = CPU_ALLOC_SIZE(room);
    if (set == nullptr || sched_getaffinity(0, bytes, set.get()) != 0) continue;
    for (int cpu = 0; cpu < room; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, set.get())) cpus.push_back(cpu);
  }
  return cpus;
}

/// Lowers the level to `wanted`, and drops the features that belong to higher ones.
void lower_isa(DeviceConfig& config, const CpuFeatures& cpu, const std::string& wanted) {
  if (std::ranges::find(cpu.levels, wanted) == cpu.levels.end())
    throw DeviceError("TTT_CPU_ISA",
                      fmt::format("expected one of {} on this machine, got '{}'", fmt::join(cpu.levels, ", "), wanted));
  config.isa = wanted;
  std::erase_if(config.features, [&](const std::string& feature) {
    if (feature.starts_with("amx")) return wanted != "amx";
    if (!feature.starts_with("avx512")) return false;
    return wanted != "amx" && wanted != "avx512";
  });
}

/// What a processor of a level above this machine's brings: Ice Lake's for avx512, Sapphire Rapids' for amx.
std::vector<std::string> usual_features(std::string_view isa) {
  if (isa == "amx") return {"intel", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"};
  if (isa == "avx512") return {"avx512_vnni"};
  return {};
}

// Published figures: Tenstorrent's product pages of the n150, p150 and e150 boards.
DeviceConfig tenstorrent(std::string name, int cores, std::uint64_t gib, double bandwidth, std::uint64_t l1) {
  DeviceConfig config;
  config.name = std::move(name);
  config.backend = "tenstorrent";
  config.num_cores = cores;
  config.memory_bytes = gib << 30;
  config.memory_bandwidth = bandwidth;
  config.l2_bytes = l1;
  config.tile_rows = config.tile_cols = 32;
  return config;
}

DeviceConfig x86_level(std::string_view level) {
  DeviceConfig config;
  config.name = fmt::format("x86-{}", level);
  config.backend = "cpu";
  config.isa = level;
  const auto here = read_cpu_topology("/", allowed_cpus());
  config.num_cores = here.physical_cores;
  config.memory_bytes = here.memory_bytes;
  config.l2_bytes = here.l2_bytes;
  config.l3_bytes = here.l3_bytes;
  return config;
}

/// The operations that a backend has parameters for.
std::set<std::string_view> operations_of(std::string_view backend) {
  std::set<std::string_view> operations;
  for (const auto& rule : find_backend(backend).rules) operations.insert(rule.operation);
  return operations;
}

/// The parameters that an operation has on some device of a backend, so that one file does for several.
std::set<std::string_view> keys_of(std::string_view backend, std::string_view operation) {
  std::set<std::string_view> keys;
  for (const auto& rule : find_backend(backend).rules)
    if (rule.operation == operation) keys.insert(rule.key);
  return keys;
}

constexpr std::size_t kMostBytes = 1 << 20;  // of an override file

/// At most one byte more than an override file may have.
std::string read_overrides(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  if (!in) throw FormatError(file.string(), fmt::format("cannot be opened: {}", std::strerror(errno)));
  if (std::filesystem::is_directory(file)) throw FormatError(file.string(), "cannot be opened: is a folder");
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

nlohmann::json parse_json(std::string_view text, std::string_view where) try {
  return internal::parse_strict_json(text, kMostBytes);
} catch (const internal::JsonError& error) {
  throw FormatError(where, fmt::format("byte {}: {}", error.offset, error.what()));
}

}  // namespace

DeviceConfig DeviceConfig::auto_detect() {
  const CpuFeatures cpu = detect_cpu_features();
  DeviceConfig config = x86_level(cpu.levels.back());
  config.name = "cpu";
  config.features = cpu.features;
  if (const char* wanted = std::getenv("TTT_CPU_ISA"); wanted != nullptr && *wanted != '\0')
    lower_isa(config, cpu, wanted);
  return config;
}

std::vector<std::string> DeviceConfig::known_names() {
  return {"auto",       "cpu",     "x86-generic", "x86-avx2",  "x86-avx_vnni",
          "x86-avx512", "x86-amx", "wormhole_b0", "blackhole", "grayskull"};
}

DeviceConfig DeviceConfig::named(std::string_view name) {
  if (name == "auto" || name == "cpu") return auto_detect();
  if (name == "wormhole_b0") return tenstorrent("wormhole_b0", 72, 12, 288e9, 1464 << 10);
  if (name == "blackhole") return tenstorrent("blackhole", 140, 32, 512e9, 1536 << 10);
  if (name == "grayskull") return tenstorrent("grayskull", 120, 8, 118.4e9, 1 << 20);
  const auto names = known_names();
  if (std::ranges::find(names, name) == names.end())
    throw DeviceError("device", fmt::format("unknown device '{}'; known: {}", name, fmt::join(names, ", ")));
  DeviceConfig config = x86_level(name.substr(4));
  const CpuFeatures cpu = detect_cpu_features();
  if (std::ranges::find(cpu.levels, config.isa) == cpu.levels.end()) {
    config.features = usual_features(config.isa);
    return config;
  }
  config.features = cpu.features;
  lower_isa(config, cpu, config.isa);
  return config;
}

bool DeviceConfig::has_feature(std::string_view feature) const {
  return std::ranges::find(features, feature) != features.end();
}

Params DeviceConfig::get_optimal_params(std::string_view operation) const {
  Params params;
  for (const auto& rule : find_backend(backend).rules) {
    if (rule.operation != operation) continue;
    if (!rule.isa.empty() && rule.isa != isa) continue;
    if (!rule.feature.empty() && !has_feature(rule.feature)) continue;
    params.try_emplace(std::string(rule.key), rule.value);
  }
  if (params.empty())
    throw DeviceError(name, fmt::format("has no parameters for operation '{}'; there are: {}", operation,
                                        fmt::join(operations_of(backend), ", ")));
  if (const auto found = overrides.find(operation); found != overrides.end())
    for (const auto& [key, value] : found->second) params[key] = value;
  return params;
}

void DeviceConfig::load_overrides(const std::filesystem::path& file) {
  parse_overrides(read_overrides(file), file.string());
}

void DeviceConfig::parse_overrides(std::string_view text, std::string_view where) {
  const auto json = parse_json(text, where);
  if (!json.is_object()) throw FormatError(where, "expected a JSON object of operations");
  ParamOverrides read = overrides;
  const auto operations = operations_of(backend);
  for (const auto& [operation, values] : json.items()) {
    if (!operations.contains(operation))
      throw ConfigError(where,
                        fmt::format("{}: no such operation; there are: {}", operation, fmt::join(operations, ", ")));
    if (!values.is_object()) throw FormatError(where, fmt::format("{}: expected an object of parameters", operation));
    const auto known = keys_of(backend, operation);
    for (const auto& [key, value] : values.items()) {
      if (!known.contains(key))
        throw ConfigError(
            where, fmt::format("{}.{}: no such parameter; there are: {}", operation, key, fmt::join(known, ", ")));
      if (!value.is_number_integer())
        throw ConfigError(where, fmt::format("{}.{}: expected an integer, got {}", operation, key, value.dump()));
      read[operation][key] = value.get<std::int64_t>();
    }
  }
  overrides = std::move(read);
}

}  // namespace ttt::inline v2
