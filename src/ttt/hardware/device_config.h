#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/hardware/optimal_params.h"

namespace ttt::inline v2 {

/// What is known about a device before it is opened: its kind, size, speed, and which parameters suit it.
/// A value: `named("wormhole_b0")` works with no such device present.
struct DeviceConfig {
  std::string name;     ///< "cpu", "x86-avx512", "wormhole_b0"
  std::string backend;  ///< which backend opens it: "cpu", "tenstorrent"
  std::string isa;  ///< highest instruction-set level ("generic", "avx2", "avx_vnni", "avx512", "amx"); empty if none
  std::vector<std::string> features;  ///< "avx512_vnni", "avx512_bf16", "amx_int8", ...
  int num_cores = 1;                  ///< cores usable by this process (affinity and cgroup quota respected)
  std::uint64_t memory_bytes = 0;     ///< available to this process (cgroup limit respected)
  std::uint64_t l2_bytes = 0;         ///< per core
  std::uint64_t l3_bytes = 0;         ///< shared
  double memory_bandwidth = 0;        ///< bytes/s as published; 0 when unknown (measure it)
  int tile_rows = 1;                  ///< of the hardware's matrix tile; 1 when it has none
  int tile_cols = 1;                  ///< of the same tile
  ParamOverrides overrides;           ///< from an override file; empty otherwise

  /// The machine this runs on. `TTT_CPU_ISA` lowers the instruction-set level; a level the machine lacks or
  /// an unknown name throws DeviceError.
  static DeviceConfig auto_detect();
  /// A known device by name; throws DeviceError listing the names. "cpu" and "auto" are auto_detect().
  static DeviceConfig named(std::string_view name);
  static std::vector<std::string> known_names();  ///< what `named` takes

  bool has_feature(std::string_view feature) const;  ///< whether `features` holds it
  /// Parameters of an operation from the backend's ordered rules, then the overrides. Throws DeviceError on an unknown
  /// operation.
  Params get_optimal_params(std::string_view operation) const;
  /// The typed form: `config.optimal_params<AttentionParams>()`.
  template <class T>
  T optimal_params() const {
    return T::from(get_optimal_params(T::operation));
  }
  /// Reads an override file (JSON: {"attention": {"page_size": 64}}); throws FormatError/ConfigError.
  void load_overrides(const std::filesystem::path& file);
  /// The same from text; `where` names it in errors.
  void parse_overrides(std::string_view json, std::string_view where);
};

}  // namespace ttt::inline v2
