#include "answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "interrupt.h"
#include "progress_bar.h"

namespace ttt::app {

Answer answer(const LoadedModel& loaded, KvCache& cache, KvCache::Sequence sequence, Text* text,
              std::span<const std::int32_t> prompt, const GenerationConfig& config,
              const std::function<void(std::string_view)>& show) {
  Answer answer{};
  ProgressBar bar("reading the prompt");
  GenerationCallbacks callbacks;
  callbacks.cancelled = [] { return InterruptScope::pending(); };
  callbacks.on_prefill = [&](std::int64_t done, std::int64_t total) {
    done < total ? bar.update(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total)) : bar.hide();
  };
  if (text) {
    text->restart();
    callbacks.decode = [&](std::int32_t id) { return text->push(id); };
    callbacks.decode_rest = [&] { return text->flush(); };
    callbacks.on_text = [&](std::string_view part) {
      answer.text += part;
      show(part);
    };
  }
  answer.result = generate(loaded.model, cache, sequence, *loaded.device, prompt, config, callbacks);
  return answer;
}

void report(const LoadedModel& loaded, const KvCache& cache, const GenerationResult& r) {
  if (r.finish == FinishReason::context_full) {
    const auto size = context_size(loaded.model, cache);
    fmt::print(stderr, "ttt: warning: the context of {} tokens is full; {}\n", size,
               size == loaded.model.max_positions ? "the model takes no more" : "--ctx makes room");
  }
  // Where nothing was computed there is no rate.
  const auto tokens = [](std::size_t count, std::int64_t steps, double seconds) {
    const auto rate = static_cast<double>(steps) / std::max(seconds, 1e-9);
    return fmt::format("{} tokens{}", count, steps > 0 ? fmt::format(", {:.1f} tokens/s", rate) : "");
  };
  fmt::print(stderr, "prompt: {}; answer: {}; {}\n",
             tokens(static_cast<std::size_t>(r.prefill_tokens), r.prefill_tokens, r.prefill_seconds),
             tokens(r.tokens.size(), r.decode_steps, r.decode_seconds), name(r.finish));
}

}  // namespace ttt::app
