#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ttt::inline v2 {

/// Instruction-set levels of x86, ascending: "generic", "avx2", "avx_vnni", "avx512", "amx". A level includes those
/// before it, but for avx_vnni, which many processors with avx512 lack.
struct CpuFeatures {
  std::vector<std::string> levels;  ///< that this machine and its kernel support
  /// "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"; and "intel": who made a processor says how fast it does what
  /// others do, too.
  std::vector<std::string> features;
};

/// What the processor has and the operating system allows; `generic` is always there.
CpuFeatures detect_cpu_features();

}  // namespace ttt::inline v2
