#include "ttt/compat/v1.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include "ttt/core/error.h"
#include "ttt/generation/generate.h"
#include "ttt/hardware/memory_plan.h"

// This file is the deprecated interface.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace ttt::inline v2::compat::v1 {
namespace {

std::filesystem::path path_or_environment(const std::filesystem::path& given) {
  if (!given.empty()) return given;
  const char* const name = std::getenv("HF_MODEL");
  if (name == nullptr || *name == '\0')
    throw RequestError("ModelArgs", "expected a checkpoint's path, or one in the environment variable HF_MODEL");
  return name;
}

/// Room for each user's longest sequence, which ends on a page's border.
KvCache::Config cache_config(const CausalLM& model, const ModelArgs& args, const Device& device) {
  const std::int64_t page = device.config().optimal_params<AttentionParams>().page_size;
  const auto rounded = (args.max_seq_len + page - 1) / page * page;
  return {.layers = model.cache_layers(),
          .max_tokens = rounded * args.max_batch_size,
          .dtype = device.options().precision == Precision::exact ? DType::f32 : DType::f16,
          .max_sequences = args.max_batch_size,
          .max_step_tokens = std::max(device.config().optimal_params<PrefillParams>().chunk, args.max_batch_size)};
}

Weights chosen(const Weights& weights, Optimizations optimizations) {
  return optimizations == Optimizations::performance ? weights.quantized(DType::bfp8) : weights;
}

/// The model, once its plan has shown that the checkpoint has what it needs and that all of it fits.
CausalLM build_checked(const ModelArgs& args, const Transformer::Build& build, Device& device) {
  const auto& checkpoint = args.checkpoint;
  const auto plan = chosen(checkpoint.weights.plan(), args.options.optimizations);
  const auto planned = build(checkpoint.config, plan, device, checkpoint.kind);
  plan.finish();
  const auto cache = cache_config(planned, args, device);
  MemoryPlan{.device = device.config().name,
             .weights = planned.weight_bytes(),
             .cache = KvCache::bytes_for(cache, device.config()),
             .workspace = planned.workspace_bytes(cache.max_step_tokens, args.max_batch_size),
             .available = device.config().memory_bytes}
      .check();
  const auto weights = chosen(Weights(checkpoint.source), args.options.optimizations);
  return build(checkpoint.config, weights.on_threads(device.num_threads()), device, checkpoint.kind);
}

}  // namespace

ModelArgs::ModelArgs(const std::filesystem::path& given, Options chosen_options)
    : options(std::move(chosen_options)), checkpoint(Checkpoint::open(path_or_environment(given))) {
  const auto& c = checkpoint.config;
  dim = c.dimension("hidden_size");
  hidden_dim = c.dimension("intermediate_size");
  n_layers = c.dimension("num_hidden_layers");
  n_heads = c.dimension("num_attention_heads");
  n_kv_heads = c.dimension("num_key_value_heads", n_heads);
  head_dim = c.dimension("head_dim", std::max(1, dim / n_heads));
  vocab_size = c.dimension("vocab_size");
  max_batch_size = options.max_batch_size;
  const std::int64_t trained = c.dimension("max_position_embeddings");
  max_seq_len = options.max_seq_len == 0 ? trained : options.max_seq_len;
  model_name = checkpoint.path.filename().string();
  if (max_batch_size < 1)
    throw RequestError("ModelArgs", fmt::format("max_batch_size: expected at least 1, got {}", max_batch_size));
  if (max_seq_len < 1 || max_seq_len > trained)
    throw RequestError("ModelArgs", fmt::format("max_seq_len: expected 1 to {}, got {}", trained, max_seq_len));
}

struct Transformer::State {
  State(const ModelArgs& args, const Build& build)
      : device(Device::open(DeviceConfig::auto_detect(), args.options.device)),
        model(build_checked(args, build, *device)),
        max_seq_len(args.max_seq_len),
        cache(cache_config(model, args, *device), *device),
        step(cache, *device),
        slots(static_cast<std::size_t>(args.max_batch_size)) {}

  /// The slot's sequence; throws where there is no such slot.
  std::optional<KvCache::Sequence>& slot(std::int64_t index) {
    if (index < 0 || index >= static_cast<std::int64_t>(slots.size()))
      throw RequestError("Transformer", fmt::format("slot {}: max_batch_size is {}", index, slots.size()));
    return slots[static_cast<std::size_t>(index)];
  }
  void check_room(std::int64_t length) const {
    if (length > max_seq_len)
      throw RequestError("Transformer", fmt::format("{} tokens: max_seq_len is {}", length, max_seq_len));
  }

  std::unique_ptr<Device> device;
  CausalLM model;
  std::int64_t max_seq_len;
  KvCache cache;
  Step step;
  std::vector<std::optional<KvCache::Sequence>> slots;
};

Transformer::Transformer(const ModelArgs& args, const Build& build) : state_(std::make_unique<State>(args, build)) {}
Transformer::~Transformer() = default;
Transformer::Transformer(Transformer&&) noexcept = default;
Transformer& Transformer::operator=(Transformer&&) noexcept = default;

int Transformer::vocab_size() const { return static_cast<int>(state_->model.vocab_size()); }

std::vector<float> Transformer::prefill_forward_text(std::span<const std::vector<std::int32_t>> tokens,
                                                     std::span<const int> empty_slots) {
  if (!empty_slots.empty() && empty_slots.size() != tokens.size())
    throw RequestError("Transformer", fmt::format("empty_slots: expected {}, one a prompt, got {}", tokens.size(),
                                                  empty_slots.size()));
  std::set<int> used;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const int index = empty_slots.empty() ? static_cast<int>(i) : empty_slots[i];
    state_->slot(index);
    if (!used.insert(index).second) throw RequestError("Transformer", fmt::format("slot {} is named twice", index));
    if (tokens[i].empty()) throw RequestError("Transformer", fmt::format("prompt {} is empty", i));
    state_->check_room(static_cast<std::int64_t>(tokens[i].size()));
  }
  std::vector<float> result;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto& sequence = state_->slot(empty_slots.empty() ? static_cast<int>(i) : empty_slots[i]);
    if (sequence) state_->cache.drop(*sequence);
    sequence = state_->cache.create();
    const auto logits = prefill(state_->model, state_->step, *sequence, tokens[i]);
    result.insert(result.end(), logits.row(0), logits.row(0) + vocab_size());
  }
  return result;
}

std::vector<float> Transformer::decode_forward_text(std::span<const std::int32_t> tokens,
                                                    std::span<const std::int32_t> start_pos) {
  if (tokens.size() != start_pos.size())
    throw RequestError("Transformer",
                       fmt::format("start_pos: expected {}, one a token, got {}", tokens.size(), start_pos.size()));
  const auto active = [&](std::size_t i) { return start_pos[i] >= 0; };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!active(i)) continue;
    const auto& sequence = state_->slot(static_cast<std::int64_t>(i));
    const auto length = sequence ? state_->cache.length(*sequence) : 0;
    if (start_pos[i] > length)
      throw RequestError("Transformer", fmt::format("slot {} holds {} tokens, which position {} does not follow", i,
                                                    length, start_pos[i]));
    state_->check_room(std::int64_t{start_pos[i]} + 1);
  }
  auto& step = state_->step;
  step.clear();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!active(i)) continue;
    auto& sequence = state_->slot(static_cast<std::int64_t>(i));
    if (!sequence) sequence = state_->cache.create();
    state_->cache.truncate(*sequence, start_pos[i]);
    step.add(*sequence, tokens.subspan(i, 1));
  }
  std::vector<float> result(tokens.size() * static_cast<std::size_t>(vocab_size()));
  if (step.num_rows() == 0) return result;
  const auto logits = state_->model.forward(step);
  std::int64_t row = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (active(i)) {
      std::copy_n(logits.row(row++), vocab_size(), result.begin() + static_cast<std::ptrdiff_t>(i) * vocab_size());
    }
  return result;
}

}  // namespace ttt::inline v2::compat::v1
