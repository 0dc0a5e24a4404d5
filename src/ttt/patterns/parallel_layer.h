#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "ttt/building_blocks/output.h"
#include "ttt/building_blocks/step.h"

namespace ttt::inline v2 {

/// Attention and feed-forward side by side (Wang & Komatsuzaki, 2021):
/// x += attention(attention_norm(x)) + ffn(ffn_norm(x)); without a norm of its own the feed-forward layer reads
/// attention_norm(x). Input and output: the residual stream x [tokens, hidden], in place.
template <class Norm, class Attention, class FFN>
struct ParallelLayer {
  Norm attention_norm;           ///< before attention
  Attention attention;           ///< one sublayer
  std::optional<Norm> ffn_norm;  ///< before ffn; nothing: attention_norm serves both
  FFN ffn;                       ///< the other sublayer

  void forward(Matrix x, Step& step) const {
    Workspace::Frame frame(step.workspace());
    const Matrix h = frame.matrix(x.rows, x.cols);
    attention_norm.forward(x, step, h);
    Matrix f = h;
    if (ffn_norm) {
      f = frame.matrix(x.rows, x.cols);
      ffn_norm->forward(x, step, f);
    }
    attention.forward(h, step, x, {.write = Write::add});
    ffn.forward(f, step, x, {.write = Write::add});
  }

  std::vector<CacheLayerSpec> cache_layers() const { return {attention.cache_spec()}; }
  std::uint64_t weight_bytes() const {
    return attention_norm.weight_bytes() + attention.weight_bytes() + (ffn_norm ? ffn_norm->weight_bytes() : 0) +
           ffn.weight_bytes();
  }
  std::int64_t workspace_cols() const {
    return 2 * attention.hidden_size() + std::max(attention.workspace_cols(), ffn.workspace_cols());
  }
};

}  // namespace ttt::inline v2
