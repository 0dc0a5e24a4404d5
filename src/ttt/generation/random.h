#pragma once
#include <array>
#include <cstdint>

namespace ttt::inline v2 {

/// xoshiro256**, seeded through splitmix64: the same numbers from a seed on every platform, which the standard
/// library's distributions do not promise.
class Random {
 public:
  /// Equal seeds give equal sequences.
  explicit Random(std::uint64_t seed);
  std::uint64_t next();  ///< 64 bits, each equally likely
  double uniform();      ///< in [0, 1), 53 bits

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace ttt::inline v2
