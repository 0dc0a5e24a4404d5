#include "digest.h"

#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ttt::cpu {

Digest digest(std::span<const std::byte> bytes, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.high64, hash.low64};
}

Digest digest(ThreadPool& pool, std::span<const std::byte> bytes, std::uint64_t seed) {
  constexpr std::size_t kPiece = 1 << 20;
  std::vector<Digest> pieces((bytes.size() + kPiece - 1) / kPiece);
  pool.run(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t i) {
    const auto first = static_cast<std::size_t>(i) * kPiece;
    pieces[static_cast<std::size_t>(i)] = digest(bytes.subspan(first, std::min(kPiece, bytes.size() - first)), seed);
  });
  return digest(std::as_bytes(std::span(pieces)), seed);
}

}  // namespace ttt::cpu
