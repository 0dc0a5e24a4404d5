#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `FalconForCausalLM` (arXiv 2311.16867): multi-query attention and parallel layers, in the decoder layouts of 7B,
/// 11B and 40B.
CausalLM load_falcon(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
