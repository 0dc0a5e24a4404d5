#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "model_loader.h"
#include "text.h"

namespace ttt::app {

struct Answer {
  GenerationResult result;
  std::string text;  ///< all of it; empty without a tokenizer
};

/// Continues `prompt` in a sequence (as ttt::generate does), with a bar while a long prompt is read. Text
/// goes to `show` as it comes. Needs an InterruptScope: Ctrl-C ends the answer. `text` may be null: then
/// there are tokens only.
Answer answer(const LoadedModel& loaded, KvCache& cache, KvCache::Sequence sequence, Text* text,
              std::span<const std::int32_t> prompt, const GenerationConfig& config,
              const std::function<void(std::string_view)>& show);

/// One line on stderr: tokens, tokens/s, why the answer ended; and one before it when the context is full.
void report(const LoadedModel& loaded, const KvCache& cache, const GenerationResult& result);

}  // namespace ttt::app
