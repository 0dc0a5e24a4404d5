#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/encoder.h"

namespace ttt::models {

/// HF `BertModel` (Devlin et al., 2018): a bidirectional encoder with post-norm layers, for one segment. Poolers and
/// heads that a checkpoint may carry are left alone.
Encoder load_bert(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
