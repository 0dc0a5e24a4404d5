#include "ttt/core/allocate.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

// Without the address sanitizer, its macros do nothing.
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace ttt::internal {
namespace {

constexpr std::size_t kCacheLine = 64, kHugePage = std::size_t{2} << 20;

/// A heap would keep large blocks, in pieces that the next ones do not fit in. Memory that is streamed through meets
/// fewer page faults, and fewer misses of the TLB, in huge pages.
std::shared_ptr<std::byte> on_pages(std::size_t bytes) {
  if (bytes > SIZE_MAX - kHugePage) throw std::bad_alloc();
  void* const mapped = ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const first = static_cast<std::byte*>(mapped);
  // Whole pages before the first huge one go back: some systems count all that is mapped.
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(mapped) % kHugePage) % kHugePage;
  if (before > 0) ::munmap(first, before);
  std::byte* const aligned = first + before;
  const std::size_t room = bytes + kHugePage - before;
#if defined(MADV_HUGEPAGE)
  // Only whole ones: the rest would be room for nothing. Where the system has none, this fails and nothing is lost.
  ::madvise(aligned, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  ASAN_POISON_MEMORY_REGION(aligned + bytes, room - bytes);
  return {aligned, [room](std::byte* p) {
            ASAN_UNPOISON_MEMORY_REGION(p, room);
            ::munmap(p, room);
          }};
}

}  // namespace

std::shared_ptr<std::byte> allocate_bytes(std::size_t bytes) {
  if (bytes >= kHugePage) return on_pages(bytes);
  constexpr std::align_val_t kAlignment{kCacheLine};
  return {static_cast<std::byte*>(::operator new(bytes, kAlignment)),
          [](std::byte* p) { ::operator delete(p, kAlignment); }};
}

/// Blocks lie one after the other in [0, used).
struct Arena::Region {
  static constexpr std::size_t kBytes = std::size_t{64} << 20;

  std::shared_ptr<std::byte> memory = on_pages(kBytes);
  std::mutex mutex;
  std::size_t used = 0;

  Region() { ASAN_POISON_MEMORY_REGION(memory.get(), kBytes); }

  /// Null: there is no room for as many.
  std::byte* take(std::size_t bytes) {
    const std::lock_guard lock(mutex);
    if (kBytes - used < bytes) return nullptr;
    return memory.get() + std::exchange(used, used + bytes);
  }

  void give_back(const std::byte* block, std::size_t bytes) {
    const std::lock_guard lock(mutex);
    if (block + bytes == memory.get() + used) used -= bytes;
  }
};

std::shared_ptr<std::byte> Arena::allocate(std::size_t bytes) {
  constexpr std::size_t kSmallest = std::size_t{64} << 10, kLargest = std::size_t{16} << 20;
  if (bytes < kSmallest || bytes > kLargest) return allocate_bytes(bytes);
  // A line between two blocks, so that the address sanitizer sees who runs over.
  const std::size_t taken = (bytes / kCacheLine + 2) * kCacheLine;
  const std::lock_guard lock(mutex_);
  auto region = region_.lock();
  std::byte* block = region != nullptr ? region->take(taken) : nullptr;
  if (block == nullptr) {
    try {
      region = std::make_shared<Region>();
    } catch (const std::bad_alloc&) {
      return allocate_bytes(bytes);
    }
    region_ = region;
    block = region->take(taken);
  }
  ASAN_UNPOISON_MEMORY_REGION(block, bytes);
  return {block, [region = std::move(region), bytes, taken](std::byte* p) {
            ASAN_POISON_MEMORY_REGION(p, bytes);
            region->give_back(p, taken);
          }};
}

}  // namespace ttt::internal
