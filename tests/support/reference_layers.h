#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "ttt/building_blocks/embeddings/rotary.h"
#include "ttt/building_blocks/normalization/query_key_norm.h"
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
  bool interleaved = false;  ///< pairs (2d, 2d + 1) instead of (d, d + rotary_dim / 2)
  std::optional<QueryKeyNorm::Config> qk_norm = std::nullopt;
  double softcap = 0;
  bool sinks = false;
  bool bidirectional = false;
  std::size_t first = 0;  ///< rows before this one are seen, and not answered for
};

/// x / sqrt(mean(x^2) + eps) * weight, row by row, for `weight` under that path.
Rows reference_rms_norm(const Rows& x, const WeightSource& weights, const std::string& path, double eps);
/// (x - mean) / sqrt(var + eps) * weight + bias.
Rows reference_layer_norm(const Rows& x, const WeightSource& weights, const std::string& path, double eps);

/// Queries or keys [tokens, num_heads * head_dim] normalised by `weight` (and `bias` when configured).
void reference_query_key_norm(Rows& rows, int num_heads, int head_dim, const WeightSource& weights,
                              const std::string& path, const QueryKeyNorm::Config& norm);

struct LatentNumbers {
  int num_heads, q_lora_rank /* 0: none */, kv_lora_rank, nope, rope, v;
  double scale, eps;
  double theta = 10000;
  bool interleaved = true;
};

/// Multi-head latent attention as the paper writes it, nothing absorbed: every head's keys and values are made from the
/// latents, and attended to as in any attention.
Rows reference_latent_attention(const Rows& x, const WeightSource& weights, const std::string& path,
                                const LatentNumbers& n);

/// Self-attention, causal or bidirectional, over one sequence that starts at position 0.
Rows reference_attention(const Rows& x, const WeightSource& weights, const std::string& path,
                         const AttentionNumbers& n);

Rows reference_gated_ffn(const Rows& x, const WeightSource& weights, const std::string& path,
                         const std::function<double(double)>& activation);
Rows reference_mlp(const Rows& x, const WeightSource& weights, const std::string& path,
                   const std::function<double(double)>& activation);

double silu(double x);
double gelu(double x);
double gelu_tanh(double x);

}  // namespace ttt::test
