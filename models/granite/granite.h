#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `GraniteForCausalLM`: embedding, attention, residual and logit multipliers around a pre-norm decoder.
CausalLM load_granite(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
