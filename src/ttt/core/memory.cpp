#include "ttt/core/memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace ttt::inline v2 {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// A heap would keep large blocks, in pieces that the next ones do not fit in. Memory that is streamed through meets
/// fewer page faults, and fewer misses of the TLB, in huge pages.
std::shared_ptr<std::byte> map_pages(std::size_t bytes) {
  const std::size_t room = bytes + kHugePage;
  void* const mapped =
      room < bytes ? MAP_FAILED : ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  std::shared_ptr<std::byte> pages(static_cast<std::byte*>(mapped), [room](std::byte* p) { ::munmap(p, room); });
  const std::size_t beyond = reinterpret_cast<std::uintptr_t>(mapped) % kHugePage;
  std::byte* const aligned = pages.get() + (beyond == 0 ? 0 : kHugePage - beyond);
#if defined(MADV_HUGEPAGE)
  // Only whole ones: the rest would be room for nothing. Where the system has none, this fails and nothing is lost.
  ::madvise(aligned, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return {pages, aligned};
}

}  // namespace

std::shared_ptr<std::byte> allocate_bytes(std::size_t bytes) {
  constexpr std::align_val_t kCacheLine{64};
  if (bytes >= kHugePage) return map_pages(bytes);
  return {static_cast<std::byte*>(::operator new(bytes, kCacheLine)),
          [](std::byte* p) { ::operator delete(p, kCacheLine); }};
}

}  // namespace ttt::inline v2
