#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Qwen3MoeForCausalLM` (arXiv 2505.09388): routed experts without a shared one, norms on the heads of queries and
/// keys.
CausalLM load_qwen3_moe(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
