#pragma once
#include <cstddef>
#include <vector>

namespace ttt::cpu {

/// The memory of a buffer that a thread keeps from call to call, grown where it holds fewer than `count`.
template <class T>
T* at_least(std::vector<T>& buffer, std::size_t count) {
  if (buffer.size() < count) buffer.resize(count);
  return buffer.data();
}

}  // namespace ttt::cpu
