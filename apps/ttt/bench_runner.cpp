#include "bench_runner.h"

#include <fmt/format.h>

#include <algorithm>

namespace ttt::app {
namespace {

// Any token does: the arithmetic is the same for all.
std::vector<std::int32_t> some_tokens(const CausalLM& model, std::int64_t count) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::int32_t>((i * 7919 + 1) % static_cast<std::size_t>(model.vocab_size()));
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
  if (depth_ > 0) prefill_all(some_tokens(model_, depth_));
}

void BenchRunner::run(const BenchCell& cell) {
  if (cell.kind == BenchCell::Kind::prefill) return prefill_all(some_tokens(model_, cell.n));
  for (std::int64_t i = 0; i < cell.n; ++i) decode_step();
}

void BenchRunner::rewind() {
  for (const auto sequence : sequences_) cache_.truncate(sequence, static_cast<std::int32_t>(depth_));
}

// The same prompt for every sequence, as a server would read them: a step takes as many tokens as it may, the end of
// one prompt beside the start of the next.
void BenchRunner::prefill_all(std::span<const std::int32_t> prompt) {
  const auto most = static_cast<std::size_t>(cache_.config().max_step_tokens);
  std::size_t rows = 0;
  step_.clear();
  for (const auto sequence : sequences_) {
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
  const std::int32_t id = 1;
  for (const auto sequence : sequences_) step_.add(sequence, {&id, 1});
  model_.forward(step_);
}

}  // namespace ttt::app
