#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "ttt/building_blocks/output.h"
#include "ttt/building_blocks/step.h"

namespace ttt::inline v2 {

/// A norm before and after each sublayer (Ding et al., 2021):
/// x += attention_output_norm(attention(attention_norm(x))); x += ffn_output_norm(ffn(ffn_norm(x))).
/// Input and output: the residual stream x [tokens, hidden], in place.
template <class Norm, class Attention, class FFN>
struct SandwichNormLayer {
  Norm attention_norm;         ///< before attention
  Attention attention;         ///< first sublayer
  Norm attention_output_norm;  ///< of its result
  Norm ffn_norm;               ///< before ffn
  FFN ffn;                     ///< second sublayer
  Norm ffn_output_norm;        ///< of its result

  void forward(Matrix x, Step& step) const {
    Workspace::Frame frame(step.workspace());
    const Matrix h = frame.matrix(x.rows, x.cols), y = frame.matrix(x.rows, x.cols);
    attention_norm.forward(x, step, h);
    attention.forward(h, step, y);
    attention_output_norm.forward(y, step, x, Write::add);
    ffn_norm.forward(x, step, h);
    ffn.forward(h, step, y);
    ffn_output_norm.forward(y, step, x, Write::add);
  }

  std::vector<CacheLayerSpec> cache_layers() const { return {attention.cache_spec()}; }
  std::uint64_t weight_bytes() const {
    return attention_norm.weight_bytes() + attention.weight_bytes() + attention_output_norm.weight_bytes() +
           ffn_norm.weight_bytes() + ffn.weight_bytes() + ffn_output_norm.weight_bytes();
  }
  std::int64_t workspace_cols() const {
    return 2 * attention.hidden_size() + std::max(attention.workspace_cols(), ffn.workspace_cols());
  }
};

}  // namespace ttt::inline v2
