#include "model_loader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

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
  throw ConfigError(checkpoint.path.string(),
                    fmt::format("no model is built for model_type \"{}\"; there are: {}", checkpoint.model_type, known));
}

Weights chosen_weights(Weights weights, const CommonOptions& options) {
  const auto format = options.quantized_dtype();
  return format ? weights.quantized(*format) : weights;
}

bool is_stale_buffer(std::string_view name) {
  return name.ends_with("rotary_emb.inv_freq") || name.ends_with("rope_freqs.weight");
}

void check_fits(const Plan& plan, const DeviceConfig& device) {
  if (device.memory_bytes == 0 || plan.total() <= device.memory_bytes) return;
  throw DeviceError(device.name, fmt::format("the model needs {} bytes (weights {}, cache {}, workspace {}), there are {}",
                                             plan.total(), plan.weights, plan.cache, plan.workspace,
                                             device.memory_bytes));
}

}  // namespace

CausalLM plan_model(const Checkpoint& checkpoint, const CommonOptions& options, Device& device) {
  const auto weights = chosen_weights(checkpoint.weights.plan(), options);
  auto model = find_family(checkpoint).build(checkpoint.config, weights, device, checkpoint.kind);
  weights.finish(is_stale_buffer);
  return model;
}

KvCache::Config cache_config(const CausalLM& model, const CommonOptions& options, const CacheNeed& need,
                             const DeviceConfig& device) {
  // A trained context can be far longer than what most prompts use; --ctx asks for more than this.
  constexpr std::int64_t kDefaultContext = 4096;
  auto tokens = need.tokens > 0 ? need.tokens : options.context;
  if (tokens == 0) tokens = model.max_positions > 0 ? std::min(model.max_positions, kDefaultContext) : kDefaultContext;
  const auto page = device.optimal_params<AttentionParams>().page_size;
  const auto rounded = (tokens + page - 1) / page * page;  // sequences do not share pages
  return {.layers = model.cache_layers(),
          .max_tokens = need.sequences > 1 ? rounded * need.sequences : tokens,
          .dtype = options.cache_dtype(),
          .max_sequences = need.sequences,
          .max_step_tokens = std::max(device.optimal_params<PrefillParams>().chunk, need.sequences)};
}

Plan plan_memory(const CausalLM& model, const KvCache::Config& cache, const DeviceConfig& device,
                 std::int64_t logit_rows) {
  return {.weights = model.weight_bytes(),
          .cache = KvCache::bytes_for(cache, device),
          .workspace = model.workspace_bytes(cache.max_step_tokens, logit_rows)};
}

LoadedModel load_model(const CommonOptions& options, const CacheNeed& need) {
  const auto start = std::chrono::steady_clock::now();
  auto checkpoint = Checkpoint::open(options.model);
  auto device = Device::open(DeviceConfig::named(options.device), options.device_options());
  const auto planned = plan_model(checkpoint, options, *device);
  for (const auto& key : checkpoint.config.unread())
    device->options().log(LogLevel::warning, fmt::format("{}: {} is not used", checkpoint.config.where(), key));
  auto cache = cache_config(planned, options, need, device->config());
  const auto plan = plan_memory(planned, cache, device->config(), need.logit_rows);
  check_fits(plan, device->config());
  const bool show = isatty(STDERR_FILENO) != 0;
  if (show) fmt::print(stderr, "loading {} ...", options.model);
  auto model = find_family(checkpoint)
                   .build(checkpoint.config, chosen_weights(checkpoint.weights, options), *device, checkpoint.kind);
  if (show) fmt::print(stderr, "\r\033[K");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {std::move(device), std::move(checkpoint), std::move(model), std::move(cache), plan, took.count()};
}

}  // namespace ttt::app
