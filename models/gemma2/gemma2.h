#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Gemma2ForCausalLM` (arXiv 2408.00118): sandwich norms, capped scores and logits, every other layer in a window.
CausalLM load_gemma2(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
