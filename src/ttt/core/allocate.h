#pragma once
#include <cstddef>
#include <memory>

namespace ttt::internal {

/// Bytes with undefined contents, from a cache line's start (64 bytes) on. 2 MiB and more are pages of their own, from
/// a huge page's start on, which go back to the system as soon as they are free. Throws std::bad_alloc.
std::shared_ptr<std::byte> allocate_bytes(std::size_t bytes);

}  // namespace ttt::internal
