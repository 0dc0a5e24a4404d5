#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// HF `GptOssForCausalLM` (arXiv 2508.10925): attention sinks, alternating windows, experts with clamped gates, as
/// MXFP4 or plain.
CausalLM load_gpt_oss(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
