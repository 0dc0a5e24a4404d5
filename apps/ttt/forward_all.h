#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "model_loader.h"

namespace ttt::app {

/// Logits of every one of a new sequence's tokens, [T, V], computed in chunks that the cache takes.
inline std::vector<float> forward_all(const CausalLM& model, Step& step, KvCache::Sequence sequence,
                                      std::span<const std::int32_t> ids) {
  std::vector<float> all;
  all.reserve(ids.size() * static_cast<std::size_t>(model.vocab_size()));
  const auto chunk = static_cast<std::size_t>(step.cache().config().max_step_tokens);
  for (std::size_t first = 0; first < ids.size(); first += chunk) {
    step.clear();
    step.add(sequence, ids.subspan(first, std::min(chunk, ids.size() - first)), LogitRows::all,
             static_cast<std::int32_t>(ids.size()));
    const auto logits = model.forward(step);
    for (std::int64_t row = 0; row < logits.rows; ++row) all.insert(all.end(), logits.row(row), logits.row(row) + logits.cols);
  }
  return all;
}

}  // namespace ttt::app
