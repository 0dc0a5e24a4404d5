#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Olmo2ForCausalLM` (arXiv 2501.00656): norms after the sublayers; query and key norms over all heads at once.
CausalLM load_olmo2(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
