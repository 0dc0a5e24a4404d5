#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Cohere2ForCausalLM` (Command R7B): parallel layers; rotary embedding only where attention slides.
CausalLM load_cohere2(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
