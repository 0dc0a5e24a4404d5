#pragma once
#include <cstdint>
#include <cstring>

namespace ttt::cpu {

/// Two bytes at any address.
inline std::uint16_t load_u16(const void* p) {
  std::uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

}  // namespace ttt::cpu
