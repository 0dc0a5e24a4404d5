#pragma once
#include <memory>

#include "options.h"
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::app {

/// What a verb needs of the cache, besides the common flags.
struct CacheNeed {
  std::int64_t tokens = 0;  ///< of each sequence; 0: --ctx, or what the model was trained for
  int sequences = 1;
  std::int64_t logit_rows = 1;
};

/// Bytes a model needs on a device.
struct Plan {
  std::uint64_t weights, cache, workspace;
  std::uint64_t total() const { return weights + cache + workspace; }
};

struct LoadedModel {
  std::unique_ptr<Device> device;  ///< first, so that it outlives what lives on it
  Checkpoint checkpoint;
  CausalLM model;
  KvCache::Config cache_config;
  Plan plan;
  double load_seconds;

  KvCache make_cache() const { return KvCache(cache_config, *device); }
  std::vector<std::int32_t> stop_ids() const {
    return {checkpoint.eos_token_ids.begin(), checkpoint.eos_token_ids.end()};
  }
};

/// The model on a plan: every shape checked, no data read. Throws when a tensor is missing, misshaped or left over,
/// or no family builds this model_type.
CausalLM plan_model(const Checkpoint& checkpoint, const CommonOptions& options, Device& device);
KvCache::Config cache_config(const CausalLM& model, const CommonOptions& options, const CacheNeed& need,
                             const DeviceConfig& device);
Plan plan_memory(const CausalLM& model, const KvCache::Config& cache, const DeviceConfig& device,
                 std::int64_t logit_rows);

/// Opens the checkpoint, checks that it is whole and fits, and builds it. One warning line for each config key that
/// nobody read.
LoadedModel load_model(const CommonOptions& options, const CacheNeed& need);

}  // namespace ttt::app
