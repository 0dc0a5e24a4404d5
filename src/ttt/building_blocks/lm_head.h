#pragma once
#include <memory>

#include "ttt/building_blocks/embeddings/embedding.h"
#include "ttt/building_blocks/linear.h"

namespace ttt::inline v2 {

/// logits = cap(scale * (x W^T + bias)), cap(s) = softcap * tanh(s / softcap) when softcap > 0.
/// Input: x [rows, hidden_size]. Output: logits [rows, vocab_size], stored.
/// Weights: `weight` [vocab_size, hidden_size] and `bias` when configured, or the embedding's table when tied.
/// Behaviour: rows are the tokens whose logits were asked for, not all tokens of the step.
/// Errors: ConfigError for a tied table of another shape and WeightError at construction; ShapeError from `forward`.
class LMHead {
 public:
  struct Config {
    int hidden_size;       ///< columns of x
    int vocab_size;        ///< columns of the logits
    bool bias = false;     ///< a `bias` is taken and added
    float scale = 1.0f;    ///< multiplies logits, before the cap
    float softcap = 0.0f;  ///< caps logits at +-softcap by tanh; 0: off
  };
  LMHead(const Config& config, const Weights& weights, Device& device);
  /// Tied: shares the embedding's table. A bias, when configured, is taken from `weights`.
  LMHead(const Config& config, const Embedding& embedding, const Weights& weights, Device& device);

  void forward(ConstMatrix x, Step& step, Matrix logits) const;

  std::int64_t vocab_size() const { return config_.vocab_size; }               ///< columns of the logits
  std::uint64_t weight_bytes() const { return tied_ ? 0 : weight_->bytes(); }  ///< 0 when tied: counted there

 private:
  Config config_;
  bool tied_;
  std::shared_ptr<const ops::PackedMatrix> weight_;
  std::shared_ptr<const float> bias_;
};

}  // namespace ttt::inline v2
