#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace ttt::app {

/// What the parts of `ttt migrate` were asked for, and the functions that do it; cli_migrate.cpp says which flag sets
/// what.

struct MigrateConfigOptions {
  std::string hf_model;
  std::string mesh_device;  ///< empty: version 1 took all chips there were
  std::string optimizations = "accuracy";
  std::string decoder_precision;  ///< a file; empty: none
  std::string page_params;        ///< JSON; empty: none
  std::string output;
  bool json = false;
};
/// Throws ConfigError for a setting that version 1 did not have.
void run_migrate_config(const MigrateConfigOptions& o);

struct MigrateScanOptions {
  std::string folder;
  bool json = false;
};
/// Throws FindingsReported when something was found.
void run_migrate_scan(const MigrateScanOptions& o);

struct MigrateCheckpointOptions {
  std::string from, to;
  std::int64_t max_shard_bytes = 4'000'000'000;
  bool json = false;
};
void run_migrate_checkpoint(const MigrateCheckpointOptions& o);

}  // namespace ttt::app
