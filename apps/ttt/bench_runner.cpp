#include "bench_runner.h"

#include <fmt/format.h>

#include <algorithm>

namespace ttt::app {
namespace {

/// Any tokens do, if they differ from place to place and from sequence to sequence: experts would else be few and
/// always the same, and the caches keep them.
std::vector<std::int32_t> some_tokens(const CausalLM& model, std::size_t sequence, std::int64_t first,
                                      std::int64_t count) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::size_t place = sequence * 15'485'863 + static_cast<std::size_t>(first) + i;
    ids[i] = static_cast<std::int32_t>((place * 7919 + 1) % static_cast<std::size_t>(model.vocab_size()));
  }
  return ids;
}

}  // namespace

std::string BenchCell::title() const { return fmt::format("{} {}, depth {}, batch {}", kind_name(), n, depth, batch); }

BenchRunner::BenchRunner(const LoadedModel& loaded)
    : model_(loaded.model), cache_(loaded.make_cache()), step_(cache_, *loaded.device) {}

void BenchRunner::prepare(const BenchCell& cell) {
  if (depth_ == cell.depth && sequences_.size() == static_cast<std::size_t>(cell.batch)) return;
  for (const auto sequence : sequences_) cache_.drop(sequence);
  sequences_.clear();
  for (int i = 0; i < cell.batch; ++i) sequences_.push_back(cache_.create());
  depth_ = cell.depth;
  if (depth_ > 0) prefill_all(depth_);
}

void BenchRunner::run(const BenchCell& cell) {
  if (cell.kind == BenchCell::Kind::prefill) return prefill_all(cell.n);
  for (std::int64_t i = 0; i < cell.n; ++i) decode_step();
}

void BenchRunner::rewind() {
  for (const auto sequence : sequences_) cache_.truncate(sequence, static_cast<std::int32_t>(depth_));
}

// As a server would read them: a step takes as many tokens as it may, the end of one prompt beside the start of the
// next.
void BenchRunner::prefill_all(std::int64_t count) {
  const auto most = static_cast<std::size_t>(cache_.config().max_step_tokens);
  std::size_t rows = 0;
  step_.clear();
  for (std::size_t s = 0; s < sequences_.size(); ++s) {
    const auto sequence = sequences_[s];
    const auto prompt_tokens = some_tokens(model_, s, cache_.length(sequence), count);
    const std::span prompt(prompt_tokens);
    const auto total = cache_.length(sequence) + static_cast<std::int32_t>(prompt.size());
    for (std::size_t first = 0; first < prompt.size();) {
      if (rows == most) {
        model_.forward(step_);
        step_.clear();
        rows = 0;
      }
      const auto part = prompt.subspan(first, std::min(prompt.size() - first, most - rows));
      first += part.size();
      rows += part.size();
      step_.add(sequence, part, first == prompt.size() ? LogitRows::last : LogitRows::none, total);
    }
  }
  model_.forward(step_);
}

void BenchRunner::decode_step() {
  step_.clear();
  for (std::size_t s = 0; s < sequences_.size(); ++s)
    step_.add(sequences_[s], some_tokens(model_, s, cache_.length(sequences_[s]), 1));
  model_.forward(step_);
}

}  // namespace ttt::app
