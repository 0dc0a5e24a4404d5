#include "model_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "observed_source.h"
#include "plugins.h"
#include "progress_bar.h"
#include "tensor_list.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

template <class Model>
Model expect(models::Model model, const std::string& where) {
  if (auto* wanted = std::get_if<Model>(&model)) return std::move(*wanted);
  throw RequestError(where, std::is_same_v<Model, Encoder> ? "is a language model; an encoder is wanted"
                                                           : "is an encoder, which gives no next token; use ttt embed");
}

/// By a model of the folders that the user gives, else by the program's own, else by an installed one.
models::Model build_model(const Checkpoint& checkpoint, const Weights& weights, Device& device,
                          const CommonOptions& options) {
  const auto build = [&](const ModelEntry& entry) {
    return entry.build(checkpoint.config, weights, device, checkpoint.kind);
  };
  const auto is_own = [&](const models::Family& family) { return family.model_type == checkpoint.model_type; };
  auto found = find_plugin(given_model_folders(options.model_path), checkpoint.model_type);
  const bool own = std::ranges::any_of(models::families(), is_own);
  if (found.entry == nullptr && !own) {
    auto installed = find_plugin(installed_model_folders(), checkpoint.model_type);
    found.entry = installed.entry;
    std::ranges::move(installed.refused, std::back_inserter(found.refused));
  }
  // What was refused may be what was meant.
  if (found.entry == nullptr && !own && !found.refused.empty()) throw found.refused.front();
  for (const auto& refused : found.refused) stderr_log()(LogLevel::warning, refused.what());
  return found.entry != nullptr ? build(*found.entry) : models::build(checkpoint, weights, device);
}

/// One warning line for each flag that does not do what it seems to.
void warn_of_flags(const Checkpoint& checkpoint, const CommonOptions& options, const LogSink& log) {
  if (options.precision == "exact" && options.cache_dtype() != DType::f32)
    log(LogLevel::warning,
        fmt::format("--kv-dtype {}: the cache is not exact; leave it out for --precision exact", options.kv_dtype));
  const auto format = options.quantized_dtype();
  const auto can_be_quantized = [&](const ListedTensor& tensor) {
    if (!tensor.info || tensor.info->shape.rank() < 2 || !is_floating(tensor.info->dtype)) return false;
    return row_bytes(*format, static_cast<std::uint64_t>(tensor.info->shape.dims().back())).has_value();
  };
  if (format && std::ranges::none_of(list_tensors(*checkpoint.source), can_be_quantized))
    log(LogLevel::warning, fmt::format("--quantize {}: no effect; no matrix here is f32, f16 or bf16 with rows of "
                                       "whole blocks",
                                       options.quantize));
}

/// The weights in the format that --quantize names, else in those that `by_rule` gives, where there are rules.
Weights chosen_weights(const Weights& weights, const CommonOptions& options, const Weights::FormatOf& by_rule) {
  if (const auto format = options.quantized_dtype()) return weights.quantized(*format);
  return options.weight_formats.empty() ? weights : weights.quantized(by_rule);
}

}  // namespace

models::Model plan_model(const Checkpoint& checkpoint, const CommonOptions& options, Device& device) {
  std::vector<std::string> names;
  const auto by_rule = [&](std::string_view name) {
    names.emplace_back(name);
    return options.weight_formats.format_of(name);
  };
  const auto weights = chosen_weights(checkpoint.weights.plan(), options, by_rule);
  auto model = build_model(checkpoint, weights, device, options);
  weights.finish();
  options.weight_formats.check_all_used(names);
  return model;
}

std::vector<std::int32_t> stop_ids(const Checkpoint& checkpoint) {
  return {checkpoint.eos_token_ids.begin(), checkpoint.eos_token_ids.end()};
}

template <class Model>
KvCache::Config cache_config(const Model& model, const CommonOptions& options, const CacheNeed& need,
                             const DeviceConfig& device) {
  if (options.context > 0 && options.context < need.tokens)
    throw RequestError("--ctx", fmt::format("{} tokens are needed, {} allowed", need.tokens, options.context));
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

template <class Model>
MemoryPlan plan_memory(const Model& model, const KvCache::Config& cache, const DeviceConfig& device,
                       std::int64_t logit_rows) {
  const auto most_logits = std::min<std::int64_t>(logit_rows, cache.max_step_tokens);
  return {.device = device.name,
          .weights = model.weight_bytes(),
          .cache = KvCache::bytes_for(cache, device),
          .workspace = model.workspace_bytes(cache.max_step_tokens, most_logits),
          .available = device.memory_bytes};
}

namespace {

template <class Model>
Loaded<Model> load(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need,
                   const DeviceOptions& device_options) {
  const auto start = std::chrono::steady_clock::now();
  auto device = Device::open(options.device_config(), device_options);
  const auto planned = expect<Model>(plan_model(checkpoint, options, *device), options.model);
  for (const auto& key : checkpoint.config.unread())
    device->options().log(LogLevel::warning, fmt::format("{}: {} is not used", checkpoint.config.where(), key));
  warn_of_flags(checkpoint, options, device->options().log);
  auto cache = cache_config(planned, options, need, device->config());
  auto plan = plan_memory(planned, cache, device->config(), need.logit_rows);
  plan.check();
  ProgressBar bar("loading");
  const auto source = std::make_shared<ObservedSource>(
      checkpoint.source, [&bar](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
  const auto by_rule = [&](std::string_view name) { return options.weight_formats.format_of(name); };
  auto model = expect<Model>(
      build_model(checkpoint, chosen_weights(Weights(source), options, by_rule).on_threads(device->num_threads()),
                  *device, options),
      options.model);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {std::move(device), std::move(model), std::move(cache), std::move(plan), took.count()};
}

}  // namespace

LoadedModel load_model(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need) {
  return load<CausalLM>(checkpoint, options, need, options.device_options());
}

LoadedModel load_model(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need,
                       const DeviceOptions& device_options) {
  return load<CausalLM>(checkpoint, options, need, device_options);
}

LoadedEncoder load_encoder(const Checkpoint& checkpoint, const CommonOptions& options, const CacheNeed& need) {
  return load<Encoder>(checkpoint, options, need, options.device_options());
}

bool is_encoder(const Checkpoint& checkpoint) {
  return std::ranges::any_of(models::families(), [&](const models::Family& family) {
    return family.model_type == checkpoint.model_type &&
           std::holds_alternative<models::Family::BuildEncoder>(family.build);
  });
}

template KvCache::Config cache_config(const CausalLM&, const CommonOptions&, const CacheNeed&, const DeviceConfig&);
template KvCache::Config cache_config(const Encoder&, const CommonOptions&, const CacheNeed&, const DeviceConfig&);
template MemoryPlan plan_memory(const CausalLM&, const KvCache::Config&, const DeviceConfig&, std::int64_t);
template MemoryPlan plan_memory(const Encoder&, const KvCache::Config&, const DeviceConfig&, std::int64_t);

}  // namespace ttt::app
