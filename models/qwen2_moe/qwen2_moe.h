#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Qwen2MoeForCausalLM`: routed experts beside a gated shared one, dense layers between them.
CausalLM load_qwen2_moe(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
