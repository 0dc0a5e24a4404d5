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

void report_speed(const GenerationResult& r) {
  const auto rate = [](std::int64_t count, double seconds) {
    return static_cast<double>(count) / std::max(seconds, 1e-9);
  };
  fmt::print(stderr, "prompt: {} tokens, {:.1f} tokens/s; answer: {} tokens, {:.1f} tokens/s; {}\n", r.prefill_tokens,
             rate(r.prefill_tokens, r.prefill_seconds), r.tokens.size(), rate(r.decode_steps, r.decode_seconds),
             name(r.finish));
}

}  // namespace ttt::app
