#pragma once
#include <memory>
#include <span>

#include "ttt/core/tensor.h"

namespace ttt::hand {

/// down(silu(x gate^T) * (x up^T)) in f32 by oneDNN: three matrix products over weights in its own layout, the
/// activation and the product fused into them.
class OneDnnFfn {
 public:
  virtual ~OneDnnFfn() = default;
  /// Null in a build without oneDNN. Weights are [out, in] in f32.
  static std::unique_ptr<OneDnnFfn> make(const Tensor& gate, const Tensor& up, const Tensor& down, std::int64_t tokens,
                                         int threads);

  /// x and y are [tokens, hidden].
  virtual void run(std::span<float> x, std::span<float> y) = 0;
};

}  // namespace ttt::hand
