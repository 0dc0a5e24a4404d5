#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Qwen3ForCausalLM` (arXiv 2505.09388): norms on the heads of queries and keys.
CausalLM load_qwen3(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
