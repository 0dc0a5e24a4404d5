#include "kernel_scratch.h"

#include "scratch.h"

namespace ttt::cpu {

std::byte* kernel_scratch(std::size_t bytes) {
  thread_local Scratch<std::byte> buffer;
  return buffer.at_least(bytes);
}

}  // namespace ttt::cpu
