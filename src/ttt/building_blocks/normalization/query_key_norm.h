#pragma once
#include <memory>

#include "ttt/building_blocks/step.h"
#include "ttt/formats/weights.h"

namespace ttt::inline v2 {

/// Norm of queries or keys before they are rotated (Henry et al., 2020; Dehghani et al., 2023).
/// Input: x [tokens, num_heads * head_dim]. Output: x itself, in place.
/// Weights: `weight`, by scope [head_dim], [num_heads, head_dim] (or that many in one dimension) or [num_heads *
/// head_dim]; `bias` of the same shape when configured. Behaviour: RMSNorm or LayerNorm over what the scope says, in
/// f32. Errors: WeightError at construction; ShapeError from `forward`.
class QueryKeyNorm {
 public:
  /// RMSNorm or LayerNorm.
  enum class Kind { rms, layer };
  /// Which columns are normalised together, and which share a weight.
  enum class Scope {
    shared,    ///< over each head, one weight for all heads
    per_head,  ///< over each head, a weight for each
    all_heads  ///< over all heads at once
  };
  struct Config {
    Kind kind;          ///< which norm
    Scope scope;        ///< over which columns
    float eps;          ///< added to the mean square or variance
    bool bias = false;  ///< a `bias` is taken and added
  };
  QueryKeyNorm(const Config& config, int num_heads, int head_dim, const Weights& weights, Device& device);

  void forward(Matrix x, Step& step) const;
  std::uint64_t weight_bytes() const;

 private:
  Config config_;
  int num_heads_, head_dim_;
  std::shared_ptr<const float> weight_, bias_;
};

}  // namespace ttt::inline v2
