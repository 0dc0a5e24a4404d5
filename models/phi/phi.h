#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `PhiForCausalLM` (Phi-1, Phi-1.5, Phi-2): parallel layers, partial rotary embedding, biases everywhere.
CausalLM load_phi(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
