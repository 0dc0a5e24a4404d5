#include "ttt/generation/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "ttt/core/error.h"
#include "ttt/generation/stop_conditions.h"

namespace ttt::inline v2 {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The tokens of an answer on their way to the caller.
class Output {
 public:
  Output(const GenerationConfig& config, const GenerationCallbacks& callbacks)
      : callbacks_(callbacks), strings_(config.stop_strings) {
    if (!config.stop_strings.empty() && !callbacks.decode)
      throw RequestError("stop", "stop strings need a decoder of text");
  }

  /// Passes a token on; true when its text completes a stop string.
  bool push(std::int32_t id) {
    if (callbacks_.on_token) callbacks_.on_token(id);
    return callbacks_.decode && show(callbacks_.decode(id));
  }

  /// No more tokens come; true when the last text completes a stop string.
  bool finish() {
    if (callbacks_.decode_rest && show(callbacks_.decode_rest())) return true;
    if (const auto rest = strings_.flush(); !rest.empty() && callbacks_.on_text) callbacks_.on_text(rest);
    return false;
  }

 private:
  bool show(std::string_view text) {
    const auto result = strings_.push(text);
    if (!result.text.empty() && callbacks_.on_text) callbacks_.on_text(result.text);
    return result.stopped;
  }

  const GenerationCallbacks& callbacks_;
  StopStrings strings_;
};

void check_prompt(const CausalLM& model, const KvCache& cache, KvCache::Sequence sequence,
                  std::span<const std::int32_t> prompt) {
  const auto size = static_cast<std::int64_t>(prompt.size());
  if (size <= cache.length(sequence)) throw RequestError("prompt", "has no token to continue from");
  if (const auto limit = context_size(model, cache); size > limit)
    throw RequestError("prompt", fmt::format("has {} tokens, the context holds {}", size, limit));
  for (const auto id : prompt)
    if (id < 0 || id >= model.vocab_size())
      throw RequestError("prompt", fmt::format("token {} is outside the vocabulary of {}", id, model.vocab_size()));
}

// Chooses tokens until something ends the answer, and says what.
FinishReason decode(const CausalLM& model, Step& step, KvCache::Sequence sequence, Matrix logits, Sampler& sampler,
                    const GenerationConfig& config, const CausalLM::Hooks& hooks, Output& output,
                    GenerationResult& result) {
  const auto limit = context_size(model, step.cache());
  while (true) {
    if (hooks.cancelled && hooks.cancelled()) return FinishReason::cancelled;
    if (static_cast<std::int64_t>(result.tokens.size()) >= config.max_tokens) return FinishReason::max_tokens;
    const auto id = sampler.next({logits.row(0), static_cast<std::size_t>(logits.cols)});
    if (std::ranges::find(config.stop_ids, id) != config.stop_ids.end()) return FinishReason::stop_token;
    result.tokens.push_back(id);
    if (output.push(id)) return FinishReason::stop_string;
    if (static_cast<std::int64_t>(result.tokens.size()) >= config.max_tokens) return FinishReason::max_tokens;
    if (step.cache().length(sequence) >= limit) return FinishReason::context_full;
    step.clear();
    step.add(sequence, {&id, 1});
    logits = model.forward(step, hooks);
    ++result.decode_steps;
  }
}

}  // namespace

std::string_view name(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop_token:
      return "stop_token";
    case FinishReason::stop_string:
      return "stop_string";
    case FinishReason::max_tokens:
      return "max_tokens";
    case FinishReason::context_full:
      return "context_full";
    case FinishReason::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::int64_t context_size(const CausalLM& model, const KvCache& cache) {
  return model.max_positions > 0 ? std::min(model.max_positions, cache.max_tokens()) : cache.max_tokens();
}

Matrix prefill(const CausalLM& model, Step& step, KvCache::Sequence sequence, std::span<const std::int32_t> tokens,
               const CausalLM::Hooks& hooks, const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const auto chunk =
      std::min<std::size_t>(static_cast<std::size_t>(step.device().config().optimal_params<PrefillParams>().chunk),
                            static_cast<std::size_t>(step.cache().config().max_step_tokens));
  const auto total = step.cache().length(sequence) + static_cast<std::int32_t>(tokens.size());
  Matrix logits{};
  for (std::size_t first = 0; first < tokens.size(); first += chunk) {
    const auto part = tokens.subspan(first, std::min(chunk, tokens.size() - first));
    const bool last = first + part.size() == tokens.size();
    step.clear();
    step.add(sequence, part, last ? LogitRows::last : LogitRows::none, total);
    logits = model.forward(step, hooks);
    if (progress) progress(static_cast<std::int64_t>(first + part.size()), static_cast<std::int64_t>(tokens.size()));
  }
  return logits;
}

GenerationResult generate(const CausalLM& model, KvCache& cache, KvCache::Sequence sequence, Device& device,
                          std::span<const std::int32_t> prompt, const GenerationConfig& config,
                          const GenerationCallbacks& callbacks) {
  check_prompt(model, cache, sequence, prompt);
  if (config.max_tokens < 0) throw RequestError("max_tokens", "expected an integer >= 0");
  Output output(config, callbacks);
  Sampler sampler(config.sampling, prompt);
  Step step(cache, device);
  bool cancelled = false;  // stays so, whatever the caller answers when asked again
  CausalLM::Hooks hooks;
  if (callbacks.cancelled) hooks.cancelled = [&] { return cancelled = cancelled || callbacks.cancelled(); };
  const auto fresh = prompt.subspan(static_cast<std::size_t>(cache.length(sequence)));
  GenerationResult result{.tokens = {}, .finish = FinishReason::cancelled};
  auto start = Clock::now();
  bool decoding = false;
  try {
    const auto logits = prefill(model, step, sequence, fresh, hooks, callbacks.on_prefill);
    result.prefill_tokens = static_cast<std::int64_t>(fresh.size());
    result.prefill_seconds = seconds_since(start);
    start = Clock::now();
    decoding = true;
    result.finish = decode(model, step, sequence, logits, sampler, config, hooks, output, result);
  } catch (const RequestError&) {
    // A cancelled forward pass throws; any other refusal is the caller's to see.
    if (!cancelled) throw;
  }
  (decoding ? result.decode_seconds : result.prefill_seconds) = seconds_since(start);
  if (result.finish != FinishReason::stop_string && output.finish()) result.finish = FinishReason::stop_string;
  return result;
}

}  // namespace ttt::inline v2
