#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Qwen2ForCausalLM` (arXiv 2407.10671): biases on queries, keys and values; a sliding window from some layer on.
CausalLM load_qwen2(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
