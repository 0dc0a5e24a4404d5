#pragma once
#include <functional>
#include <span>

#include "model_loader.h"

namespace ttt::app {

/// Called with a token's place in the sequence and what the model says of the next one, logits [V].
using LogitVisitor = std::function<void(std::size_t position, std::span<const float> logits)>;

/// Runs a new sequence through the model in chunks that the cache takes, and visits the logits of its tokens
/// from place `first` on.
void forward_rows(const CausalLM& model, Step& step, KvCache::Sequence sequence, std::span<const std::int32_t> ids,
                  std::size_t first, const LogitVisitor& visit, const CausalLM::Hooks& hooks = {});

}  // namespace ttt::app
