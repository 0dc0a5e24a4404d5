#pragma once
#include <memory>

#include "options.h"
#include "registry.h"
#include "ttt/formats/checkpoint.h"
#include "ttt/hardware/memory_plan.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::app {

/// What a verb needs of the cache.
struct CacheNeed {
  std::int64_t tokens = 0;  ///< least tokens of each sequence that the verb cannot do without
  /// How long sequences may become when there is no --ctx: `tokens` and no more, or whatever a conversation
  /// wants.
  enum class Length { fixed, open } length = Length::open;
  int sequences = 1;
  std::int64_t logit_rows = 1;
};

template <class Model>
struct Loaded {
  std::unique_ptr<Device> device;  ///< first, so that it outlives what lives on it
  Model model;
  KvCache::Config cache_config;
  MemoryPlan plan;
  double load_seconds;

  KvCache make_cache() const { return KvCache(cache_config, *device); }
};
using LoadedModel = Loaded<CausalLM>;
using LoadedEncoder = Loaded<Encoder>;

/// The checkpoint's stop tokens as the generation loop takes them.
std::vector<std::int32_t> stop_ids(const Checkpoint& checkpoint);

/// The model on a plan: every shape checked, no data read. Throws when a tensor is missing, misshaped or left
/// over, no family builds this model_type, or a rule of the settings' weight formats is of no use.
models::Model plan_model(const Checkpoint& checkpoint, const CommonOptions& options, Device& device);

/// Throws RequestError when --ctx is less than what is needed.
template <class Model>
KvCache::Config cache_config(const Model& model, const CommonOptions& options, const CacheNeed& need,
                             const DeviceConfig& device);

/// Weights, cache and workspace of that model. Nothing of it needs to be loaded.
template <class Model>
MemoryPlan plan_memory(const Model& model, const KvCache::Config& cache, const DeviceConfig& device,
                       std::int64_t logit_rows);

/// Checks that the checkpoint is whole and the model fits, builds it, and shows how far it is. One warning
/// line for each config key that nobody read. Throws RequestError when the model is of the other kind.
LoadedModel load_model(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need);
/// The same on a device opened with other options than the flags'.
LoadedModel load_model(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need,
                       const DeviceOptions& device_options);
LoadedEncoder load_encoder(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need);
/// Whether the checkpoint's model is an encoder.
bool is_encoder(const Checkpoint& checkpoint);

}  // namespace ttt::app
