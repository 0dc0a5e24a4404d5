#include "ttt/core/allocate.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace ttt::internal {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

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
  return {aligned, [room](std::byte* p) { ::munmap(p, room); }};
}

}  // namespace

std::shared_ptr<std::byte> allocate_bytes(std::size_t bytes) {
  constexpr std::align_val_t kCacheLine{64};
  if (bytes >= kHugePage) return on_pages(bytes);
  return {static_cast<std::byte*>(::operator new(bytes, kCacheLine)),
          [](std::byte* p) { ::operator delete(p, kCacheLine); }};
}

}  // namespace ttt::internal
