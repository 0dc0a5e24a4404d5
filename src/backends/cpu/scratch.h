#pragma once
#include <cstddef>
#include <memory>
#include <type_traits>

#include "ttt/core/allocate.h"

namespace ttt::cpu {

/// Memory that a thread keeps from call to call and that grows to what the largest asks for. It begins with a cache
/// line, so that no vector, and no row of a tile, need lie in two.
template <class T>
class Scratch {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T> && alignof(T) <= 64);

 public:
  /// Room for `count` values. Where that is more than ever before, it is new: pointers to the old are void, and its
  /// contents undefined.
  T* at_least(std::size_t count) {
    if (count_ < count) {
      count_ = 0;
      memory_.reset();  // not both at once
      memory_ = internal::allocate_bytes(count * sizeof(T));
      count_ = count;
    }
    return reinterpret_cast<T*>(memory_.get());
  }

 private:
  std::shared_ptr<std::byte> memory_;
  std::size_t count_ = 0;
};

}  // namespace ttt::cpu
