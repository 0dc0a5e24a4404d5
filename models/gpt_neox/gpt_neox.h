#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `GPTNeoXForCausalLM` (arXiv 2204.06745, Pythia): partial rotary embedding, parallel residual or not, fused
/// queries, keys and values.
CausalLM load_gpt_neox(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
