#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `MistralForCausalLM` (arXiv 2310.06825): grouped-query attention in a sliding window, gated feed-forward.
CausalLM load_mistral(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
