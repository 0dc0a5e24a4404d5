#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Starcoder2ForCausalLM` (arXiv 2402.19173): LayerNorm, biases, plain feed-forward, a sliding window.
CausalLM load_starcoder2(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
