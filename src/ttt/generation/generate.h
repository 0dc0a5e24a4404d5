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

struct GenerationConfig {
  SamplingConfig sampling = {};
  std::int64_t max_tokens = std::numeric_limits<std::int64_t>::max();  ///< of the answer
  std::vector<std::int32_t> stop_ids = {};
  std::vector<std::string> stop_strings = {};  ///< need GenerationCallbacks::decode
};

/// Why an answer ended.
enum class FinishReason { stop_token, stop_string, max_tokens, context_full, cancelled };
std::string_view name(FinishReason reason);

/// All optional. They are called from the thread that calls `generate`.
struct GenerationCallbacks {
  std::function<void(std::int32_t id)> on_token = {};                          ///< each token but stop tokens
  std::function<std::string(std::int32_t id)> decode = {};                     ///< text that a token completes
  std::function<std::string()> decode_rest = {};                               ///< text of an unfinished last character
  std::function<void(std::string_view text)> on_text = {};                     ///< text that no stop string can claim
  std::function<void(std::int64_t done, std::int64_t total)> on_prefill = {};  ///< after each chunk of the prompt
  std::function<bool()> cancelled = {};                                        ///< asked between layers and tokens
};

struct GenerationResult {
  std::vector<std::int32_t> tokens;  ///< without the stop token
  FinishReason finish;
  std::int64_t prefill_tokens = 0;
  std::int64_t decode_steps = 0;
  double prefill_seconds = 0, decode_seconds = 0;
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
