#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "ttt/building_blocks/output.h"
#include "ttt/building_blocks/step.h"

namespace ttt::inline v2 {

/// The norm after each sublayer, inside the residual (OLMo 2, arXiv 2501.00656; Liu et al., 2021):
/// x += attention_norm(attention(x)); x += ffn_norm(ffn(x)).
/// Input and output: the residual stream x [tokens, hidden], in place.
template <class Norm, class Attention, class FFN>
struct OutputNormLayer {
  Attention attention;  ///< first sublayer
  Norm attention_norm;  ///< of its result
  FFN ffn;              ///< second sublayer
  Norm ffn_norm;        ///< of its result

  void forward(Matrix x, Step& step) const {
    Workspace::Frame frame(step.workspace());
    const Matrix y = frame.matrix(x.rows, x.cols);
    attention.forward(x, step, y);
    attention_norm.forward(y, step, x, Write::add);
    ffn.forward(x, step, y);
    ffn_norm.forward(y, step, x, Write::add);
  }

  std::vector<CacheLayerSpec> cache_layers() const { return {attention.cache_spec()}; }
  std::uint64_t weight_bytes() const {
    return attention_norm.weight_bytes() + attention.weight_bytes() + ffn_norm.weight_bytes() + ffn.weight_bytes();
  }
  std::int64_t workspace_cols() const {
    return attention.hidden_size() + std::max(attention.workspace_cols(), ffn.workspace_cols());
  }
};

}  // namespace ttt::inline v2
