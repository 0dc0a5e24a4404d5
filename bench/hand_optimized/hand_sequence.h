#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ttt/building_blocks/step.h"

/// What blocks are made of without the blocks: buffers allocated, positions rotated and kernels looked up once, then
/// nothing but the kernels' calls, unchecked and uncounted.
namespace ttt::hand {

/// One block and its sequence of calls, over the same weights and rows.
struct Pair {
  std::string name;                        ///< "gated_ffn/llama_3_2_1b q8_0"
  std::function<void()> block;             ///< Block::forward
  std::function<void()> by_hand;           ///< the calls
  std::function<void()> onednn;            ///< the same by oneDNN; empty where it cannot do it or is not there
  std::function<bool()> same;              ///< after block and calls: whether their outputs have the same bits
  std::function<double()> onednn_differs;  ///< after block and oneDNN: the largest difference, to the largest output
};

/// A block's rows and cache, for `tokens` new tokens behind `depth`.
struct Rows {
  std::int64_t tokens;
  std::int32_t depth;
};

Pair rms_norm(Device& device, const std::string& name, Rows rows, int hidden);
Pair gated_ffn(Device& device, const std::string& name, Rows rows, DType dtype, int hidden, int inner);
Pair attention(Device& device, const std::string& name, Rows rows, DType dtype, int hidden, int num_heads,
               int num_kv_heads, int head_dim);

}  // namespace ttt::hand
