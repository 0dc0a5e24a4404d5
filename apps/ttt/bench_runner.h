#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model_loader.h"

namespace ttt::app {

/// What one row of a benchmark measures: reading prompts of n tokens, or decoding n tokens, in `batch` sequences that
/// hold `depth` tokens each.
struct BenchCell {
  enum class Kind { prefill, decode } kind;
  std::int64_t n, depth;
  int batch;

  std::string kind_name() const { return kind == Kind::prefill ? "prefill" : "decode"; }
  std::string title() const;
};

/// Runs cells on a model, in a cache of its own.
class BenchRunner {
 public:
  explicit BenchRunner(const LoadedModel& loaded);

  /// Brings the cache to the cell's sequences and depth, unless the last cell had the same.
  void prepare(const BenchCell& cell);
  /// The cell's work, after `prepare`.
  void run(const BenchCell& cell);
  /// Forgets what `run` added, so that the cell can run again.
  void rewind();

 private:
  /// `count` tokens into every sequence.
  void prefill_all(std::int64_t count);
  void decode_step();

  const CausalLM& model_;
  KvCache cache_;
  Step step_;
  std::vector<KvCache::Sequence> sequences_;
  std::int64_t depth_ = 0;
};

}  // namespace ttt::app
