#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `Gemma3ForCausalLM` (arXiv 2503.19786): sandwich norms, query and key norms, local and global rotary embeddings.
CausalLM load_gemma3(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
