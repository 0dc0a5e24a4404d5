#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `CohereForCausalLM` (Command R): parallel layers, interleaved rotary embedding, scaled logits, norms of each
/// head.
CausalLM load_cohere(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
