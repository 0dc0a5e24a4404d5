#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "thread_pool.h"

namespace ttt::cpu {

/// 128 bits that name some bytes.
using Digest = std::array<std::uint64_t, 2>;

/// XXH3 of the bytes. With a seed that others do not know they cannot prepare bytes of equal digest; the digest
/// withstands nobody who knows it.
Digest digest(std::span<const std::byte> bytes, std::uint64_t seed);

/// Of many bytes, on all threads: the digest of the digests of their pieces.
Digest digest(ThreadPool& pool, std::span<const std::byte> bytes, std::uint64_t seed);

}  // namespace ttt::cpu
