#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `StableLmForCausalLM` (arXiv 2402.17834): LayerNorm, partial rotary embedding, parallel residual or not, norms of
/// each head.
CausalLM load_stablelm(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
