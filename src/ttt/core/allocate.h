#pragma once
#include <cstddef>
#include <memory>
#include <mutex>

namespace ttt::internal {

/// Bytes with undefined contents, from a cache line's start (64 bytes) on. 2 MiB and more are pages of their own, from
/// a huge page's start on, which go back to the system as soon as they are free. Throws std::bad_alloc.
std::shared_ptr<std::byte> allocate_bytes(std::size_t bytes);

/// Memory for what lives long and is streamed through, as weights are. Blocks of 64 KiB to 16 MiB lie side by side in
/// regions of huge pages, as a matrix that is smaller than one page, or ends in the middle of one, would else lie in
/// small pages: they are read more slowly, and a short stream waits for the TLB at each. The room of a block that is
/// freed before a later one is taken is the next one's; else a region goes back to the system when its last block is
/// free. Safe to share between threads.
class Arena {
 public:
  /// As allocate_bytes; larger and smaller blocks come from there, and so do all where the system has no room for a
  /// region. The arena need not outlive them.
  std::shared_ptr<std::byte> allocate(std::size_t bytes);

 private:
  struct Region;

  std::mutex mutex_;
  std::weak_ptr<Region> region_;  ///< which the next blocks come from, while any of its blocks is in use
};

}  // namespace ttt::internal
