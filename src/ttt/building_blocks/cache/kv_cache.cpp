#include "ttt/building_blocks/cache/kv_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ttt/core/error.h"

namespace ttt::inline v2 {
namespace {

int page_size_of(const DeviceConfig& device) { return device.optimal_params<AttentionParams>().page_size; }

/// Pages of one group. Every sequence may end in a part-filled page, and a fork owns a copy of one, hence one more
/// each. A windowed sequence holds at most its window, the tokens of a step, and a page cut at either end.
std::int64_t num_pages(const KvCache::Config& config, const std::optional<int>& window, int page_size) {
  const auto pages = [&](std::int64_t tokens) { return (tokens + page_size - 1) / page_size; };
  const std::int64_t whole = pages(config.max_tokens) + config.max_sequences;
  if (!window) return whole;
  return std::min(whole,
                  config.max_sequences * (pages(static_cast<std::int64_t>(*window) + config.max_step_tokens) + 2));
}

ops::KvLayout layout_of(const KvCache::Config& config, const CacheLayerSpec& layer, int page_size) {
  return ops::KvLayout::make(config.dtype, page_size, layer.num_kv_heads, layer.k_dim, layer.v_dim);
}

}  // namespace

std::uint64_t KvCache::bytes_for(const Config& config, const DeviceConfig& device) {
  const int page_size = page_size_of(device);
  std::uint64_t total = 0;
  for (const auto& layer : config.layers)
    total += layout_of(config, layer, page_size).page_bytes *
             static_cast<std::uint64_t>(num_pages(config, layer.window, page_size));
  return total;
}

KvCache::KvCache(Config config, Device& device)
    : config_(std::move(config)), page_size_(page_size_of(device.config())) {
  if (config_.max_tokens <= 0 || config_.max_tokens > std::int64_t{1} << 30 || config_.max_sequences <= 0 ||
      config_.max_step_tokens <= 0)
    throw ConfigError("KvCache", fmt::format("max_tokens {}, max_sequences {} and max_step_tokens {} must be positive",
                                             config_.max_tokens, config_.max_sequences, config_.max_step_tokens));
  sequences_.resize(static_cast<std::size_t>(config_.max_sequences));
  for (const auto& spec : config_.layers) {
    const auto same = std::ranges::find(groups_, spec.window, &Group::window);
    const auto index = static_cast<std::size_t>(same - groups_.begin());
    const auto pages = static_cast<std::size_t>(num_pages(config_, spec.window, page_size_));
    if (same == groups_.end()) {
      Group group{spec.window, {}, std::vector<std::int32_t>(pages, 0), std::vector<PageTable>(sequences_.size())};
      for (std::size_t p = pages; p-- > 0;) group.free_pages.push_back(static_cast<std::int32_t>(p));
      groups_.push_back(std::move(group));
    }
    const auto layout = layout_of(config_, spec, page_size_);
    auto storage = device.allocate(layout.page_bytes * pages);
    // Kernels read whole key tiles, so also slots that nothing was written to.
    std::memset(storage.get(), 0, layout.page_bytes * pages);
    layers_.push_back({layout, std::move(storage), static_cast<int>(index)});
  }
}

void KvCache::check(Sequence sequence) const {
  if (sequence < 0 || sequence >= config_.max_sequences || !sequences_[static_cast<std::size_t>(sequence)].used)
    throw RequestError("KvCache", fmt::format("no sequence {}", sequence));
}

KvCache::Sequence KvCache::create() {
  const auto free = std::ranges::find(sequences_, false, &Entry::used);
  if (free == sequences_.end())
    throw RequestError("KvCache", fmt::format("all {} sequences are in use", config_.max_sequences));
  *free = {true, 0};
  return static_cast<Sequence>(free - sequences_.begin());
}

KvCache::Sequence KvCache::fork(Sequence sequence) {
  check(sequence);
  const Sequence copy = create();
  sequences_[static_cast<std::size_t>(copy)].length = length(sequence);
  for (auto& group : groups_) {
    group.tables[static_cast<std::size_t>(copy)] = group.tables[static_cast<std::size_t>(sequence)];
    for (const auto page : group.tables[static_cast<std::size_t>(copy)].pages)
      ++group.references[static_cast<std::size_t>(page)];
  }
  return copy;
}

void KvCache::release(Group& group, std::int32_t page) {
  if (--group.references[static_cast<std::size_t>(page)] == 0) group.free_pages.push_back(page);
}

void KvCache::truncate(Sequence sequence, std::int32_t length) {
  check(sequence);
  if (length < 0 || length > this->length(sequence))
    throw RequestError("KvCache", fmt::format("cannot truncate {} tokens to {}", this->length(sequence), length));
  const auto s = static_cast<std::size_t>(sequence);
  for (const auto& group : groups_)
    if (group.window && group.tables[s].first_page * page_size_ > std::max(0, length - *group.window))
      throw RequestError("KvCache", fmt::format("cannot truncate to {}: the window's older keys are gone", length));
  for (auto& group : groups_) {
    auto& table = group.tables[s];
    const auto keep = static_cast<std::size_t>(std::max(0, (length + page_size_ - 1) / page_size_ - table.first_page));
    while (table.pages.size() > keep) {
      release(group, table.pages.back());
      table.pages.pop_back();
    }
    if (length == 0) table.first_page = 0;
  }
  sequences_[s].length = length;
}

void KvCache::drop(Sequence sequence) {
  check(sequence);
  const auto s = static_cast<std::size_t>(sequence);
  for (auto& group : groups_) {
    for (const auto page : group.tables[s].pages) release(group, page);
    group.tables[s] = {};
  }
  sequences_[s] = {};
}

std::int32_t KvCache::length(Sequence sequence) const {
  check(sequence);
  return sequences_[static_cast<std::size_t>(sequence)].length;
}

ops::SequencePages KvCache::pages(int group, Sequence sequence) const {
  const auto& table = groups_[static_cast<std::size_t>(group)].tables[static_cast<std::size_t>(sequence)];
  return {table.pages.data(), table.first_page};
}

void KvCache::own_page(int group_index, PageTable& table, std::size_t index) {
  auto& group = groups_[static_cast<std::size_t>(group_index)];
  const auto shared = table.pages[index];
  if (group.references[static_cast<std::size_t>(shared)] == 1) return;
  const auto own = group.free_pages.back();
  group.free_pages.pop_back();
  group.references[static_cast<std::size_t>(own)] = 1;
  for (const auto& layer : layers_)
    if (layer.group == group_index)
      std::memcpy(layer.storage.get() + static_cast<std::size_t>(own) * layer.layout.page_bytes,
                  layer.storage.get() + static_cast<std::size_t>(shared) * layer.layout.page_bytes,
                  layer.layout.page_bytes);
  table.pages[index] = own;
  release(group, shared);
}

void KvCache::reserve(Sequence sequence, std::int32_t count) {
  check(sequence);
  const auto s = static_cast<std::size_t>(sequence);
  const std::int64_t end = static_cast<std::int64_t>(length(sequence)) + count;
  const auto full = [&] {
    throw RequestError(
        "context", fmt::format("is full: {} tokens and {} more do not fit in {}; use a larger --ctx or fewer tokens",
                               length(sequence), count, config_.max_tokens));
  };
  if (count < 0 || end > config_.max_tokens) full();
  if (count > config_.max_step_tokens)
    throw RequestError(
        "KvCache", fmt::format("a step takes at most {} tokens of a sequence, got {}", config_.max_step_tokens, count));
  const auto needed = [&](const PageTable& table) {
    return static_cast<std::size_t>((end + page_size_ - 1) / page_size_ - table.first_page);
  };
  const auto first_written = [&](const PageTable& table) {
    return static_cast<std::size_t>(length(sequence) / page_size_ - table.first_page);
  };
  // First see that every group has the pages, so that a refusal changes nothing.
  for (const auto& group : groups_) {
    const auto& table = group.tables[s];
    std::size_t wanted = needed(table) - std::min(needed(table), table.pages.size());
    if (first_written(table) < table.pages.size() &&
        group.references[static_cast<std::size_t>(table.pages[first_written(table)])] > 1)
      ++wanted;
    if (wanted > group.free_pages.size()) full();
  }
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    auto& group = groups_[g];
    auto& table = group.tables[s];
    if (count > 0 && first_written(table) < table.pages.size())
      own_page(static_cast<int>(g), table, first_written(table));
    while (table.pages.size() < needed(table)) {
      table.pages.push_back(group.free_pages.back());
      group.references[static_cast<std::size_t>(group.free_pages.back())] = 1;
      group.free_pages.pop_back();
    }
  }
}

void KvCache::commit(Sequence sequence, std::int32_t count) {
  check(sequence);
  const auto s = static_cast<std::size_t>(sequence);
  sequences_[s].length += count;
  for (auto& group : groups_) {
    if (!group.window) continue;
    auto& table = group.tables[s];
    // The next query, at position `length`, sees keys from length - window + 1 on.
    const std::int32_t first_needed = std::max(0, sequences_[s].length - *group.window + 1) / page_size_;
    while (table.first_page < first_needed && !table.pages.empty()) {
      release(group, table.pages.front());
      table.pages.erase(table.pages.begin());
      ++table.first_page;
    }
  }
}

}  // namespace ttt::inline v2
