#include "model_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "observed_source.h"
#include "progress_bar.h"
#include "registry.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

const models::Family& find_family(const Checkpoint& checkpoint) {
  std::string known;
  for (const auto& family : models::families()) {
    if (family.model_type == checkpoint.model_type) return family;
    known += (known.empty() ? "" : ", ") + std::string(family.model_type);
  }
  throw ConfigError(
      checkpoint.path.string(),
      fmt::format("no model is built for model_type \"{}\"; there are: {}", checkpoint.model_type, known));
}

Weights chosen_weights(Weights weights, const CommonOptions& options) {
  const auto format = options.quantized_dtype();
  return format ? weights.quantized(*format) : weights;
}

bool is_stale_buffer(std::string_view name) {
  return name.ends_with("rotary_emb.inv_freq") || name.ends_with("rope_freqs.weight");
}

}  // namespace

CausalLM plan_model(const Checkpoint& checkpoint, const CommonOptions& options, Device& device) {
  const auto weights = chosen_weights(checkpoint.weights.plan(), options);
  auto model = find_family(checkpoint).build(checkpoint.config, weights, device, checkpoint.kind);
  weights.finish(is_stale_buffer);
  return model;
}

std::vector<std::int32_t> stop_ids(const Checkpoint& checkpoint) {
  return {checkpoint.eos_token_ids.begin(), checkpoint.eos_token_ids.end()};
}

KvCache::Config cache_config(const CausalLM& model, const CommonOptions& options, const CacheNeed& need,
                             const DeviceConfig& device) {
  if (options.context > 0 && options.context < need.tokens)
    throw RequestError("--ctx",
                       fmt::format("{} tokens are needed, {} allowed", need.tokens, options.context));
  // A trained context can be far longer than what most prompts use; --ctx asks for more than this.
  constexpr std::int64_t kDefaultContext = 4096;
  auto tokens = options.context > 0 ? options.context : need.tokens;
  if (options.context == 0 && need.length == CacheNeed::Length::open) {
    tokens = std::max(tokens, kDefaultContext);
    if (model.max_positions > 0) tokens = std::min(tokens, model.max_positions);
  }
  const auto page = device.optimal_params<AttentionParams>().page_size;
  const auto rounded = (tokens + page - 1) / page * page;  // sequences do not share pages
  return {.layers = model.cache_layers(),
          .max_tokens = need.sequences > 1 ? rounded * need.sequences : tokens,
          .dtype = options.cache_dtype(),
          .max_sequences = need.sequences,
          .max_step_tokens = std::max(device.optimal_params<PrefillParams>().chunk, need.sequences)};
}

MemoryPlan plan_memory(const CausalLM& model, const KvCache::Config& cache, const DeviceConfig& device,
                       std::int64_t logit_rows) {
  const auto most_logits = std::min<std::int64_t>(logit_rows, cache.max_step_tokens);
  return {.device = device.name,
          .weights = model.weight_bytes(),
          .cache = KvCache::bytes_for(cache, device),
          .workspace = model.workspace_bytes(cache.max_step_tokens, most_logits),
          .available = device.memory_bytes};
}

LoadedModel load_model(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need) {
  return load_model(checkpoint, options, need, options.device_options());
}

LoadedModel load_model(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need,
                       const DeviceOptions& device_options) {
  const auto start = std::chrono::steady_clock::now();
  auto device = Device::open(DeviceConfig::named(options.device), device_options);
  const auto planned = plan_model(checkpoint, options, *device);
  for (const auto& key : checkpoint.config.unread())
    device->options().log(LogLevel::warning,
                          fmt::format("{}: {} is not used", checkpoint.config.where(), key));
  auto cache = cache_config(planned, options, need, device->config());
  auto plan = plan_memory(planned, cache, device->config(), need.logit_rows);
  plan.check();
  ProgressBar bar("loading");
  const auto source = std::make_shared<ObservedSource>(
      checkpoint.source, [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
  auto model =
      find_family(checkpoint)
          .build(checkpoint.config, chosen_weights(Weights(source), options), *device, checkpoint.kind);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {std::move(device), std::move(model), std::move(cache), std::move(plan), took.count()};
}

}  // namespace ttt::app
