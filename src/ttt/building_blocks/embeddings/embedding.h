#pragma once
#include <memory>

#include "ttt/building_blocks/step.h"
#include "ttt/formats/weights.h"
#include "ttt/ops/linear.h"

namespace ttt {

using ops::Write;

/// y[t, :] = scale * weight[ids[t], :].
/// Input: token ids of the step. Output: [tokens, hidden_size]. Weights: `weight` [vocab_size, hidden_size].
/// Errors: RequestError from `forward` for an id outside the vocabulary.
class Embedding {
 public:
  struct Config {
    int vocab_size;
    int hidden_size;
    float scale = 1.0f;
  };
  Embedding(const Config& config, const Weights& weights, Device& device);

  void forward(Step& step, Matrix y) const;

  int vocab_size() const { return config_.vocab_size; }
  int hidden_size() const { return config_.hidden_size; }
  std::uint64_t weight_bytes() const { return weight_->bytes(); }
  /// For a head that is tied to the embedding.
  const std::shared_ptr<const ops::PackedMatrix>& weight() const { return weight_; }

 private:
  Config config_;
  std::shared_ptr<const ops::PackedMatrix> weight_;
};

/// Learned absolute positions: y[t, :] += weight[position(t) + offset, :]. Weights: `weight` [num_positions, hidden_size].
/// Errors: RequestError from `forward` for a position beyond the table.
class PositionEmbedding {
 public:
  struct Config {
    int num_positions;  ///< rows of the table
    int hidden_size;
    int offset = 0;
  };
  PositionEmbedding(const Config& config, const Weights& weights, Device& device);

  void forward(Step& step, Matrix y) const;
  std::uint64_t weight_bytes() const { return weight_->bytes(); }

 private:
  Config config_;
  std::shared_ptr<const ops::PackedMatrix> weight_;
};

/// Learned segment embeddings of single-segment input: y[t, :] += weight[0, :]. Weights: `weight` [num_types, hidden_size].
class TokenTypeEmbedding {
 public:
  struct Config {
    int num_types;
    int hidden_size;
  };
  TokenTypeEmbedding(const Config& config, const Weights& weights, Device& device);

  void forward(Step& step, Matrix y) const;
  std::uint64_t weight_bytes() const { return weight_->bytes(); }

 private:
  std::shared_ptr<const ops::PackedMatrix> weight_;
};

}  // namespace ttt
