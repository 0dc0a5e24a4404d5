#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `GemmaForCausalLM` (arXiv 2403.08295): norms weighted by 1 + w, scaled embeddings.
CausalLM load_gemma(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
