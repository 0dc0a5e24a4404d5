#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ttt/building_blocks/cache/kv_cache.h"
#include "ttt/building_blocks/embeddings/rotary.h"
#include "ttt/building_blocks/workspace.h"
#include "ttt/core/matrix.h"

namespace ttt::inline v2 {

/// For which rows of a sequence a step computes logits.
enum class LogitRows { none, last, all };

/// One call of a model: which tokens of which sequences, where they stand, and the cache they append to. The same step
/// object is cleared and filled again, so that its buffers keep their addresses.
///
///   step.clear(); step.add(sequence, tokens, LogitRows::last); Matrix logits = model.forward(step);
///
/// Prefill, decode, chunks of a prompt and mixtures of them are all such steps.
class Step {
 public:
  /// Both must outlive the step.
  Step(KvCache& cache, Device& device);

  /// Begins an empty step; matrices from the workspace, logits among them, are gone.
  void clear();
  /// Appends tokens to a sequence (each sequence at most once per step). `total_length` is the length that the whole
  /// prompt will have when this is a chunk of it: rotary embeddings that depend on the sequence's length use it.
  /// Throws RequestError when the context is full.
  void add(KvCache::Sequence sequence, std::span<const std::int32_t> tokens, LogitRows logits = LogitRows::last,
           std::int32_t total_length = 0);

  /// Tokens of all sequences together: rows of the activations.
  std::int64_t num_rows() const { return static_cast<std::int64_t>(token_ids_.size()); }
  ops::BatchPlan plan() const { return {token_ids_, positions_, rows_}; }  ///< valid until the step changes
  /// Rows of the activations for which logits are wanted, ascending.
  std::span<const std::int32_t> logit_rows() const { return logit_rows_; }

  KvCache& cache() { return cache_; }            ///< where this step's keys and values go
  Device& device() { return device_; }           ///< where it runs
  Workspace& workspace() { return workspace_; }  ///< scratch memory of this step's forward pass

  /// The cache of attention layer `layer` for this step's sequences.
  ops::KvLayerView cache_layer(int layer);
  /// cos and sin [rows, rotary_dim / 2] for this step's positions; computed at the first call for each embedding.
  RotaryRows rotary(const RotaryEmbedding& embedding);

  /// Tells the cache that the step's tokens are written. Called by the model at the end of a forward pass.
  void commit();

 private:
  struct RotaryCache {
    RotaryEmbedding embedding;  ///< kept, so that its identity is not reused
    std::vector<float> cos, sin;
    bool valid;
  };

  KvCache& cache_;
  Device& device_;
  Workspace workspace_;
  std::vector<std::int32_t> token_ids_, positions_, lengths_, logit_rows_;
  std::vector<ops::SequenceRows> rows_;
  std::vector<KvCache::Sequence> sequences_;
  std::vector<std::vector<ops::SequencePages>> pages_;  ///< by group
  bool pages_valid_ = false;
  std::vector<std::unique_ptr<RotaryCache>> rotary_;
};

}  // namespace ttt::inline v2
