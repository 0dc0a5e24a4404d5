#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "ttt/building_blocks/output.h"
#include "ttt/building_blocks/step.h"

namespace ttt::inline v2 {

/// x += s * attention(attention_norm(x)); x += s * ffn(ffn_norm(x)), s = residual_scale (Xiong et al., 2020).
/// Input and output: the residual stream x [tokens, hidden], in place.
template <class Norm, class Attention, class FFN>
struct PreNormLayer {
  Norm attention_norm;          ///< before attention
  Attention attention;          ///< first sublayer
  Norm ffn_norm;                ///< before ffn
  FFN ffn;                      ///< second sublayer
  float residual_scale = 1.0f;  ///< multiplies both results

  void forward(Matrix x, Step& step) const {
    Workspace::Frame frame(step.workspace());
    const Matrix h = frame.matrix(x.rows, x.cols);
    attention_norm.forward(x, step, h);
    attention.forward(h, step, x, {Write::add, residual_scale});
    ffn_norm.forward(x, step, h);
    ffn.forward(h, step, x, {Write::add, residual_scale});
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
