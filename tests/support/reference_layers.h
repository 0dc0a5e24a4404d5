#pragma once
#include <functional>
#include <vector>

#include "ttt/building_blocks/embeddings/rotary.h"
#include "ttt/formats/weights.h"

/// Transformer layers written as plainly as possible, in double precision: what blocks are tested against.
namespace ttt::test {

using Rows = std::vector<std::vector<double>>;

/// x W^T + b for `weight` (and `bias` when there) under that path.
Rows reference_linear(const Rows& x, const WeightSource& weights, const std::string& path);

struct AttentionNumbers {
  int num_heads, num_kv_heads, head_dim;
  double scale;
  int window = 0;  ///< 0: none
  int rotary_dim = 0;
  double theta = 10000;
};

/// Causal self-attention over one sequence that starts at position 0.
Rows reference_attention(const Rows& x, const WeightSource& weights, const std::string& path, const AttentionNumbers& n);

Rows reference_gated_ffn(const Rows& x, const WeightSource& weights, const std::string& path,
                         const std::function<double(double)>& activation);
Rows reference_mlp(const Rows& x, const WeightSource& weights, const std::string& path,
                   const std::function<double(double)>& activation);

double silu(double x);
double gelu(double x);
double gelu_tanh(double x);

}  // namespace ttt::test
