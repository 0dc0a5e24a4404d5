#include "simd_avx512.h"
//
#include <array>

#include "amx_linear_impl.h"

namespace ttt::cpu {
namespace {

/// The processor's tiles. In assembly, because the intrinsics take literal tile numbers only, and because g++ 12
/// declares only 8 of the 64 bytes that _tile_loadconfig reads as read and drops the stores to the rest.
struct AmxTiles {
  AmxTiles() {
    alignas(64) std::array<std::uint8_t, 64> config{};
    config[0] = 1;  // palette
    for (std::size_t tile = 0; tile < 8; ++tile) {
      config[16 + 2 * tile] = 64;  // bytes in a row
      config[48 + tile] = 16;      // rows
    }
    asm volatile("ldtilecfg %0" : : "m"(config));
  }
  ~AmxTiles() { asm volatile("tilerelease"); }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;

  template <int N>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(N));
  }
  template <int N>
  static void load(const void* p, std::int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(p), "r"(stride), "i"(N) : "memory");
  }
  template <int N>
  static void store(void* p, std::int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(p), "r"(stride), "i"(N) : "memory");
  }
  template <int C, int A, int B>
  static void dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
  }
};

constexpr AmxKernels kAmxKernels{store_row, amx_products<AmxTiles>};

}  // namespace

const AmxKernels& amx_kernels() { return kAmxKernels; }

}  // namespace ttt::cpu
