#pragma once
#include <memory>

#include "ttt/building_blocks/step.h"
#include "ttt/formats/weights.h"
#include "ttt/ops/linear.h"

namespace ttt::inline v2 {

using ops::Write;

/// y[t, :] = scale * weight[ids[t], :].
/// Input: the step's token ids. Output: y [tokens, hidden_size], stored.
/// Weights: `weight` [vocab_size, hidden_size].
/// Behaviour: rows are read from the packed table, so they are as exact as its format; a tied head shares the table.
/// Errors: WeightError at construction; from `forward` RequestError for an id outside the vocabulary, ShapeError for y.
class Embedding {
 public:
  struct Config {
    int vocab_size;      ///< rows of the table
    int hidden_size;     ///< columns of the table
    float scale = 1.0f;  ///< multiplies every row (sqrt(hidden_size) in some families)
  };
  Embedding(const Config& config, const Weights& weights, Device& device);

  void forward(Step& step, Matrix y) const;

  int vocab_size() const { return config_.vocab_size; }    ///< ids are below it
  int hidden_size() const { return config_.hidden_size; }  ///< columns of a row
  std::uint64_t weight_bytes() const { return weight_->bytes(); }
  /// For a head that is tied to the embedding.
  const std::shared_ptr<const ops::PackedMatrix>& weight() const { return weight_; }

 private:
  Config config_;
  std::shared_ptr<const ops::PackedMatrix> weight_;
};

/// Learned absolute positions: y[t, :] += weight[position(t) + offset, :].
/// Input: the step's positions. Output: y [tokens, hidden_size], added to.
/// Weights: `weight` [num_positions, hidden_size].
/// Behaviour: a position counts from the start of its own sequence, whatever the batch.
/// Errors: WeightError at construction; from `forward` RequestError for a position beyond the table, ShapeError for y.
class PositionEmbedding {
 public:
  struct Config {
    int num_positions;  ///< rows of the table
    int hidden_size;    ///< columns of y
    int offset = 0;     ///< added to a position to find its row
  };
  PositionEmbedding(const Config& config, const Weights& weights, Device& device);

  void forward(Step& step, Matrix y) const;
  std::uint64_t weight_bytes() const { return weight_->bytes(); }

 private:
  Config config_;
  std::shared_ptr<const ops::PackedMatrix> weight_;
};

/// Learned segment embeddings of single-segment input: y[t, :] += weight[0, :].
/// Input: the step's number of tokens. Output: y [tokens, hidden_size], added to.
/// Weights: `weight` [num_types, hidden_size].
/// Behaviour: every token is of the first segment.
/// Errors: WeightError at construction; ShapeError from `forward` for y.
class TokenTypeEmbedding {
 public:
  struct Config {
    int num_types;    ///< rows of the table
    int hidden_size;  ///< columns of y
  };
  TokenTypeEmbedding(const Config& config, const Weights& weights, Device& device);

  void forward(Step& step, Matrix y) const;
  std::uint64_t weight_bytes() const { return weight_->bytes(); }

 private:
  std::shared_ptr<const ops::PackedMatrix> weight_;
};

}  // namespace ttt::inline v2
