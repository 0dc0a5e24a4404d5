#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "ttt/building_blocks/output.h"
#include "ttt/building_blocks/step.h"
#include "ttt/ops/elementwise.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {

/// The norm after each residual addition (Vaswani et al., 2017):
/// x = attention_norm(x + attention(x)); x = ffn_norm(x + ffn(x)).
/// Input and output: the residual stream x [tokens, hidden], in place.
template <class Norm, class Attention, class FFN>
struct PostNormLayer {
  Attention attention;  ///< first sublayer
  Norm attention_norm;  ///< of the sum with its result
  FFN ffn;              ///< second sublayer
  Norm ffn_norm;        ///< of the sum with its result

  void forward(Matrix x, Step& step) const {
    Workspace::Frame frame(step.workspace());
    const Matrix h = frame.matrix(x.rows, x.cols);
    attention.forward(x, step, h);
    ops::run<ops::AddGated>(step.device(), {.x = x, .gate = {}, .y = h});
    attention_norm.forward(h, step, x);
    ffn.forward(x, step, h);
    ops::run<ops::AddGated>(step.device(), {.x = x, .gate = {}, .y = h});
    ffn_norm.forward(h, step, x);
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
