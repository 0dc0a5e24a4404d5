#pragma once
#include <cstddef>

namespace ttt::cpu {

/// Memory that a thread keeps for the one kernel that it runs, from a cache line's start on; the next call gives the
/// same. Not a template: what a kernel's source instantiates is compiled for that kernel's instruction set, and the
/// linker may take it for everyone's.
std::byte* kernel_scratch(std::size_t bytes);

}  // namespace ttt::cpu
