#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `DeepseekV2ForCausalLM` (arXiv 2405.04434) and `DeepseekV3ForCausalLM` (arXiv 2412.19437): latent attention,
/// experts routed within groups beside shared ones.
CausalLM load_deepseek(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
