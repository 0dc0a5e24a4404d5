#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Phi3ForCausalLM` (arXiv 2404.14219; Phi-3, Phi-3.5, Phi-4): fused projections, longrope, a sliding window.
CausalLM load_phi3(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
