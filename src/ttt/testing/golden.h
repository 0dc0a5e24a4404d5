#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "ttt/core/tensor.h"

namespace ttt::inline v2::testing {

/// What a reference implementation answered: `input_ids` int64 [B, T], `logits` f32 [B, T, V] (of an encoder
/// `last_hidden_state` f32 [B, T, hidden], kept in the same place), and optionally `greedy` int64
/// [B, N] (the argmax continuation), `hidden_0` (after the embedding) and `hidden_last` (after the final norm) f32
/// [B, T, hidden].
struct Golden {
  std::int64_t batch;                                ///< B
  std::int64_t tokens;                               ///< T
  std::int64_t vocab_size;                           ///< V; of an encoder, hidden
  std::vector<std::vector<std::int32_t>> input_ids;  ///< [B][T]
  Tensor logits;                                     ///< f32 [B, T, V]
  std::vector<std::vector<std::int32_t>> greedy;     ///< [B][N]; empty when the file has none
  std::optional<Tensor> hidden_0;                    ///< after the embedding; nothing when the file has none
  std::optional<Tensor> hidden_last;                 ///< after the final norm; nothing when the file has none

  /// Reads a safetensors file. Throws FormatError when a tensor is missing or of another type or shape.
  static Golden load(const std::filesystem::path& file);

  std::span<const float> logits_of(std::int64_t row) const;  ///< [T, V] of one row
};

}  // namespace ttt::inline v2::testing
