#include "ttt/building_blocks/step.h"

#include <algorithm>

#include "ttt/core/error.h"

namespace ttt::inline v2 {

Step::Step(KvCache& cache, Device& device)
    : cache_(cache), device_(device), workspace_(device), pages_(static_cast<std::size_t>(cache.num_groups())) {}

void Step::clear() {
  for (auto* v : {&token_ids_, &positions_, &lengths_, &logit_rows_}) v->clear();
  rows_.clear();
  sequences_.clear();
  workspace_.reset();
  pages_valid_ = false;
  for (auto& r : rotary_) r->valid = false;
}

void Step::add(KvCache::Sequence sequence, std::span<const std::int32_t> tokens, LogitRows logits,
               std::int32_t total_length) {
  if (tokens.empty()) throw RequestError("Step", "a sequence needs at least one token");
  if (std::ranges::find(sequences_, sequence) != sequences_.end())
    throw RequestError("Step", "a sequence may be added to a step only once");
  const auto count = static_cast<std::int32_t>(tokens.size());
  cache_.reserve(sequence, count);
  const std::int32_t first_position = cache_.length(sequence);
  const auto first_row = static_cast<std::int32_t>(token_ids_.size());
  sequences_.push_back(sequence);
  rows_.push_back({first_row, count, first_position});
  for (std::int32_t i = 0; i < count; ++i) {
    token_ids_.push_back(tokens[static_cast<std::size_t>(i)]);
    positions_.push_back(first_position + i);
    lengths_.push_back(std::max(total_length, first_position + count));
    if (logits == LogitRows::all || (logits == LogitRows::last && i + 1 == count)) logit_rows_.push_back(first_row + i);
  }
  pages_valid_ = false;
  for (auto& r : rotary_) r->valid = false;
}

ops::KvLayerView Step::cache_layer(int layer) {
  if (!pages_valid_) {
    for (int g = 0; g < cache_.num_groups(); ++g) {
      auto& pages = pages_[static_cast<std::size_t>(g)];
      pages.clear();
      for (const auto sequence : sequences_) pages.push_back(cache_.pages(g, sequence));
    }
    pages_valid_ = true;
  }
  return {cache_.layout(layer), cache_.storage(layer), pages_[static_cast<std::size_t>(cache_.group(layer))]};
}

RotaryRows Step::rotary(const RotaryEmbedding& embedding) {
  const std::int64_t half = embedding.config().pairs();
  auto found =
      std::ranges::find_if(rotary_, [&](const auto& r) { return r->embedding.identity() == embedding.identity(); });
  if (found == rotary_.end()) {
    rotary_.push_back(std::make_unique<RotaryCache>(RotaryCache{embedding, {}, {}, false}));
    found = rotary_.end() - 1;
  }
  auto& rows = **found;
  if (!rows.valid) {
    rows.cos.resize(token_ids_.size() * static_cast<std::size_t>(half));
    rows.sin.resize(rows.cos.size());
    embedding.fill(positions_, lengths_, rows.cos, rows.sin);
    rows.valid = true;
  }
  return {{rows.cos.data(), num_rows(), half}, {rows.sin.data(), num_rows(), half}};
}

void Step::commit() {
  for (std::size_t i = 0; i < sequences_.size(); ++i) cache_.commit(sequences_[i], rows_[i].num_rows);
}

}  // namespace ttt::inline v2
