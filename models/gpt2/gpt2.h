#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `GPT2LMHeadModel` (Radford et al., 2019): learned positions, LayerNorm, plain feed-forward, weights stored [in,
/// out].
CausalLM load_gpt2(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
