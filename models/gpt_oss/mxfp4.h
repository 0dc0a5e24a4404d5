#pragma once
#include "ttt/formats/weights.h"

namespace ttt::models {

struct Mxfp4Sizes {
  int num_experts, hidden_size, intermediate_size;
};

/// OpenAI's checkpoints keep an expert matrix as two tensors of bytes, `X_blocks` [experts, out, in / 32, 16] and
/// `X_scales` [experts, out, in / 32]; here X is one tensor of MXFP4 blocks, [experts, out, in].
Weights with_joined_mxfp4(const Weights& weights, const Mxfp4Sizes& sizes);

}  // namespace ttt::models
