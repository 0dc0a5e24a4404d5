#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ttt/hardware/device.h"
#include "ttt/ops/kv_layout.h"

namespace ttt::inline v2 {

/// What one attention layer keeps per token.
struct CacheLayerSpec {
  int num_kv_heads;           ///< heads of keys and of values
  int k_dim;                  ///< columns of a key head
  int v_dim;                  ///< columns of a value head
  std::optional<int> window;  ///< keys older than this are never read again, and their pages are reused

  /// Equal in all fields.
  friend bool operator==(const CacheLayerSpec&, const CacheLayerSpec&) = default;
};

/// Paged keys and values of many sequences. Layers with the same window share page tables. A page belongs to
/// several sequences after `fork`, and is copied when one of them writes to it. Not thread-safe.
class KvCache {
 public:
  struct Config {
    std::vector<CacheLayerSpec> layers;  ///< in the order of CacheLayer::index
    std::int64_t max_tokens;             ///< of all sequences together
    DType dtype = DType::f16;            ///< f32, f16, bf16 or i8 (with a scale per head and token)
    int max_sequences = 1;               ///< that can exist at a time
    int max_step_tokens = 512;           ///< most tokens appended at once; a window keeps that many more
  };
  /// A sequence of tokens in the cache; valid until dropped.
  using Sequence = std::int32_t;

  /// Throws DeviceError when the device has not the memory, ConfigError on bad numbers.
  KvCache(Config config, Device& device);

  /// Bytes that a cache of this config takes on that device.
  static std::uint64_t bytes_for(const Config& config, const DeviceConfig& device);

  Sequence create();                 ///< throws RequestError beyond max_sequences
  Sequence fork(Sequence sequence);  ///< a copy that shares pages
  /// Keeps the first `length` tokens. Throws RequestError when that needs keys that slid out of a window.
  void truncate(Sequence sequence, std::int32_t length);
  void drop(Sequence sequence);  ///< forgets the sequence; its number may be given out again

  std::int32_t length(Sequence sequence) const;                   ///< tokens written and committed
  std::int64_t max_tokens() const { return config_.max_tokens; }  ///< tokens that all sequences together may have
  const Config& config() const { return config_; }                ///< as it was built

  /// Makes room for `count` tokens after the sequence's end, in pages of its own. Throws RequestError naming the
  /// context's size when it is full; the cache is then as before.
  void reserve(Sequence sequence, std::int32_t count);
  /// Counts `count` reserved tokens as written; frees pages that slid out of windows.
  void commit(Sequence sequence, std::int32_t count);

  /// How a page of that layer lies in memory.
  const ops::KvLayout& layout(int layer) const { return layers_.at(static_cast<std::size_t>(layer)).layout; }
  /// The first byte of that layer's pages.
  std::byte* storage(int layer) const { return layers_.at(static_cast<std::size_t>(layer)).storage.get(); }
  int num_layers() const { return static_cast<int>(layers_.size()); }  ///< layers of Config
  /// Which page table a layer uses, in [0, num_groups()).
  int group(int layer) const { return layers_.at(static_cast<std::size_t>(layer)).group; }
  /// Page tables: layers of the same window share one.
  int num_groups() const { return static_cast<int>(groups_.size()); }
  /// The sequence's pages in a group; valid until the next call that changes the cache.
  ops::SequencePages pages(int group, Sequence sequence) const;

 private:
  struct Layer {
    ops::KvLayout layout;
    std::shared_ptr<std::byte> storage;
    int group;
  };
  struct PageTable {
    std::vector<std::int32_t> pages;
    std::int32_t first_page = 0;
  };
  struct Group {
    std::optional<int> window;
    std::vector<std::int32_t> free_pages;
    std::vector<std::int32_t> references;  ///< by physical page
    std::vector<PageTable> tables;         ///< by sequence
  };
  struct Entry {
    bool used = false;
    std::int32_t length = 0;
  };

  void check(Sequence sequence) const;
  void release(Group& group, std::int32_t page);
  void own_page(int group, PageTable& table, std::size_t index);

  Config config_;
  int page_size_;
  std::vector<Layer> layers_;
  std::vector<Group> groups_;
  std::vector<Entry> sequences_;
};

}  // namespace ttt::inline v2
