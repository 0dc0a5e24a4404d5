#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "ttt/building_blocks/embeddings/embedding.h"
#include "ttt/building_blocks/lm_head.h"
#include "ttt/building_blocks/normalization/norm.h"
#include "ttt/building_blocks/step.h"
#include "ttt/patterns/decoder_stack.h"

namespace ttt::inline v2 {

/// Token embedding, decoder layers, a final norm and a head: next-token logits. Immutable once built, and shared
/// by threads that have a Step each.
struct CausalLM {
  Embedding embedding;                         ///< of token ids
  std::optional<PositionEmbedding> positions;  ///< learned absolute positions, where a model has them
  DecoderStack layers;                         ///< on the residual stream
  Norm norm;                                   ///< of the last layer's output
  LMHead head;                                 ///< from hidden state to logits
  std::int64_t max_positions = 0;              ///< longest sequence the model can take; 0: no bound of its own

  /// Sees hidden states on their way: the rows after the embedding (index 0), after each layer, and the rows that want
  /// logits after the final norm (index layers.size() + 1).
  using HiddenObserver = std::function<void(int index, ConstMatrix rows)>;
  /// What a caller can hang into a forward pass; both may be empty.
  struct Hooks {
    HiddenObserver hidden;            ///< for tests and tools
    std::function<bool()> cancelled;  ///< asked between layers; true: RequestError is thrown, the cache is unchanged
  };
  /// Logits [step.logit_rows().size(), vocab_size], valid until the step is cleared. Appends to the step's cache.
  Matrix forward(Step& step) const;
  /// The same, with hooks.
  Matrix forward(Step& step, const Hooks& hooks) const;

  std::int64_t vocab_size() const { return head.vocab_size(); }  ///< columns of the logits; token ids are below it
  std::int64_t hidden_size() const { return embedding.hidden_size(); }  ///< columns of the residual stream
  /// What each attention layer keeps per token, in the order of the layers: the cache's config.
  std::vector<CacheLayerSpec> cache_layers() const { return layers.cache_layers(); }
  std::uint64_t weight_bytes() const;
  /// Bound on a step's workspace for that many rows, of which `logit_rows` want logits.
  std::uint64_t workspace_bytes(std::int64_t rows, std::int64_t logit_rows) const;
};

}  // namespace ttt::inline v2
