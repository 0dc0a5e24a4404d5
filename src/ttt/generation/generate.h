#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ttt/generation/sampling.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::inline v2 {

/// How an answer is chosen, and what ends it besides a full context.
struct GenerationConfig {
  SamplingConfig sampling = {};                                        ///< how each token is chosen
  std::int64_t max_tokens = std::numeric_limits<std::int64_t>::max();  ///< of the answer
  std::vector<std::int32_t> stop_ids = {};     ///< tokens that end an answer and are not part of it
  std::vector<std::string> stop_strings = {};  ///< need GenerationCallbacks::decode
};

/// Why an answer ended.
enum class FinishReason {
  stop_token,    ///< one of GenerationConfig::stop_ids
  stop_string,   ///< one of GenerationConfig::stop_strings
  max_tokens,    ///< GenerationConfig::max_tokens of them
  context_full,  ///< the cache or the model's positions
  cancelled,     ///< GenerationCallbacks::cancelled said so
};
std::string_view name(FinishReason reason);  ///< "stop_token", "max_tokens", ...

/// All optional. They are called from the thread that calls `generate`.
struct GenerationCallbacks {
  std::function<void(std::int32_t id)> on_token = {};                          ///< each token but stop tokens
  std::function<std::string(std::int32_t id)> decode = {};                     ///< text that a token completes
  std::function<std::string()> decode_rest = {};                               ///< text of an unfinished last character
  std::function<void(std::string_view text)> on_text = {};                     ///< text that no stop string can claim
  std::function<void(std::int64_t done, std::int64_t total)> on_prefill = {};  ///< after each chunk of the prompt
  std::function<bool()> cancelled = {};                                        ///< asked between layers and tokens
};

/// An answer and what it took.
struct GenerationResult {
  std::vector<std::int32_t> tokens;  ///< without the stop token
  FinishReason finish;               ///< why it ended
  std::int64_t prefill_tokens = 0;   ///< tokens of the prompt that were computed, not cached before
  std::int64_t decode_steps = 0;     ///< forward passes after the prompt's
  double prefill_seconds = 0;        ///< of the prompt's forward passes
  double decode_seconds = 0;         ///< of all after them, sampling and callbacks included
};

/// Continues `prompt`, all the tokens of the sequence; the first `cache.length(sequence)` of them are in the cache
/// already (a chat's earlier turns), and at least one is not. The prompt is computed in chunks. Afterwards the cache
/// holds prompt and answer, short of the answer's last token. Throws RequestError when the prompt does not fit, when
/// a token is outside the vocabulary, or on a bad config; a full context ends the answer.
GenerationResult generate(const CausalLM& model, KvCache& cache, KvCache::Sequence sequence, Device& device,
                          std::span<const std::int32_t> prompt, const GenerationConfig& config,
                          const GenerationCallbacks& callbacks = {});

/// Most tokens that a sequence of this model can have in this cache.
std::int64_t context_size(const CausalLM& model, const KvCache& cache);

/// Appends tokens to a sequence in chunks that suit the device and returns the last token's logits, which live
/// until the step is cleared. `hooks.cancelled` as in CausalLM::forward.
Matrix prefill(const CausalLM& model, Step& step, KvCache::Sequence sequence, std::span<const std::int32_t> tokens,
               const CausalLM::Hooks& hooks = {}, const std::function<void(std::int64_t, std::int64_t)>& progress = {});

}  // namespace ttt::inline v2
