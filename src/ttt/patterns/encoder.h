#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "ttt/building_blocks/embeddings/embedding.h"
#include "ttt/building_blocks/normalization/norm.h"
#include "ttt/building_blocks/step.h"
#include "ttt/patterns/decoder_stack.h"

namespace ttt::inline v2 {

/// How an encoder's rows become one vector for a sequence.
enum class Pooling {
  mean,   ///< over the sequence's tokens
  first,  ///< the first token's row
};

/// A bidirectional encoder (Devlin et al., 2018): embeddings, their norm, layers. Immutable once built. Sequences go
/// whole into one step: every token sees all the others.
struct Encoder {
  Embedding embedding;                            ///< of token ids
  std::optional<PositionEmbedding> positions;     ///< learned absolute positions, where a model has them
  std::optional<TokenTypeEmbedding> token_types;  ///< where a model has them
  Norm norm;                                      ///< of the embeddings' sum
  DecoderStack layers;                            ///< on the hidden states
  std::int64_t max_positions = 0;                 ///< longest sequence the model can take; 0: no bound of its own

  /// Hidden states [tokens, hidden_size] after the last layer, valid until the step is cleared.
  /// Throws RequestError when a sequence does not start in this step, or is too long.
  Matrix forward(Step& step) const;
  /// One vector a sequence [sequences, hidden_size] from `forward`'s result, scaled to length 1.
  Matrix pool(Step& step, ConstMatrix hidden, Pooling pooling) const;

  std::int64_t hidden_size() const { return embedding.hidden_size(); }  ///< columns of the hidden states
  std::int64_t vocab_size() const { return embedding.vocab_size(); }    ///< token ids are below it
  std::vector<CacheLayerSpec> cache_layers() const { return layers.cache_layers(); }
  std::uint64_t weight_bytes() const;
  /// Bound on a step's workspace for that many rows of that many sequences.
  std::uint64_t workspace_bytes(std::int64_t rows, std::int64_t sequences) const;
};

}  // namespace ttt::inline v2
