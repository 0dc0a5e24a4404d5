#pragma once
#include <memory>
#include <string>
#include <vector>

#include "reference_layers.h"
#include "ttt/building_blocks/step.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/memory_weights.h"

namespace ttt::test {

/// A device, a cache and a step for running single blocks.
class BlockHarness {
 public:
  explicit BlockHarness(Precision precision, std::vector<CacheLayerSpec> layers = {{1, 16, 16, std::nullopt}},
                        std::int64_t max_tokens = 512);

  Device& device() { return *device_; }
  KvCache& cache() { return cache_; }
  /// A step over `tokens` new rows of one fresh or continued sequence.
  Step& step(std::size_t tokens);

  /// The next step begins another sequence; the one before is dropped.
  void restart() {
    cache_.drop(sequence_);
    sequence_ = cache_.create();
  }

  /// Runs `block.forward(x, step, out)` in steps of the given sizes over one sequence.
  template <class Block>
  std::vector<float> run(const Block& block, std::span<const float> x, std::int64_t in, std::int64_t out,
                         const std::vector<std::size_t>& chunks) {
    std::vector<float> y(x.size() / static_cast<std::size_t>(in) * static_cast<std::size_t>(out));
    std::int64_t first = 0;
    for (const auto chunk : chunks) {
      const auto rows = static_cast<std::int64_t>(chunk);
      Step& s = step(chunk);
      block.forward({x.data() + first * in, rows, in}, s, Matrix{y.data() + first * out, rows, out});
      s.commit();
      first += rows;
    }
    return y;
  }

 private:
  std::unique_ptr<Device> device_;
  KvCache cache_;
  KvCache::Sequence sequence_;
  Step step_;
};

/// Sets values spread evenly around `mean`, the same for the same seed everywhere. Normal ones, as
/// MemoryWeights::set_random has them, are most of what a row with a real model's sizes would take.
void set_spread(testing::MemoryWeights& weights, std::string name, const Shape& shape, std::uint64_t seed,
                float deviation, float mean = 0.0f);

Rows to_rows(std::span<const float> values, std::size_t cols);
std::vector<float> flatten(const Rows& rows);

}  // namespace ttt::test
