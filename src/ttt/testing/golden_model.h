#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::inline v2::testing {

/// Builds a model from a checkpoint's config and weights, or from a plan of those weights.
using ModelFactory =
    std::function<CausalLM(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind)>;

/// The token ids of one sequence.
using TokenRow = std::vector<std::int32_t>;

/// A checkpoint built on a device of its own.
class GoldenModel {
 public:
  /// Throws WeightError when the factory leaves tensors of the checkpoint untaken.
  GoldenModel(const ModelFactory& factory, const std::filesystem::path& checkpoint, DeviceOptions options);

  Device& device() const { return *device_; }       ///< its own
  const CausalLM& model() const { return model_; }  ///< as the factory built it
  /// A cache with room for `tokens` in all: f32 under exact precision, else f16.
  KvCache make_cache(std::int64_t tokens, int sequences) const;

  /// Logits [T, V] of each row. All rows (of any lengths) are one batch, of which each step takes the next
  /// `chunk` tokens a row (0: the whole).
  std::vector<std::vector<float>> logits(const std::vector<TokenRow>& rows, std::size_t chunk = 0) const;
  /// The `count` most likely tokens after a prompt, one at a time.
  TokenRow greedy(const TokenRow& prompt, std::size_t count) const;

 private:
  GoldenModel(const ModelFactory& factory, const Checkpoint& checkpoint, DeviceOptions options);
  std::unique_ptr<Device> device_;
  CausalLM model_;
};

/// Appends `tokens` to a sequence in a step of its own, as a part of a prompt of `total_length`, and appends
/// their logits to `to`.
void append_logits(const CausalLM& model, Step& step, KvCache::Sequence sequence, std::span<const std::int32_t> tokens,
                   std::size_t total_length, std::vector<float>& to);

}  // namespace ttt::inline v2::testing
