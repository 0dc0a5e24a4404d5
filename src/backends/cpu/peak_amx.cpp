#include <immintrin.h>

#include <array>
#include <cstddef>

#include "peak_kernels.h"

namespace ttt::cpu {
namespace {

/// All eight tiles 16 rows of 64 bytes, and zero. The configuration is loaded in assembly because g++ 12 declares only
/// 8 of the 64 bytes that _tile_loadconfig reads as read, and drops the stores to the rest.
class Tiles {
 public:
  Tiles() {
    alignas(64) std::array<std::byte, 64> config{};
    config[0] = std::byte{1};  // palette
    for (std::size_t tile = 0; tile < 8; ++tile) {
      config[16 + 2 * tile] = std::byte{64};  // bytes in a row
      config[48 + tile] = std::byte{16};      // rows
    }
    asm volatile("ldtilecfg %0" : : "m"(config));
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
  }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

constexpr int kChains = 6;

void int8(std::int64_t iterations) {
  const Tiles tiles;
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbssd(0, 6, 7);
    _tile_dpbssd(1, 6, 7);
    _tile_dpbssd(2, 6, 7);
    _tile_dpbssd(3, 6, 7);
    _tile_dpbssd(4, 6, 7);
    _tile_dpbssd(5, 6, 7);
  }
}

void bf16(std::int64_t iterations) {
  const Tiles tiles;
  for (std::int64_t i = 0; i < iterations; ++i) {
    _tile_dpbf16ps(0, 6, 7);
    _tile_dpbf16ps(1, 6, 7);
    _tile_dpbf16ps(2, 6, 7);
    _tile_dpbf16ps(3, 6, 7);
    _tile_dpbf16ps(4, 6, 7);
    _tile_dpbf16ps(5, 6, 7);
  }
}

constexpr std::array<PeakKernel, 2> kKernels{
    {{"amx_int8", false, 2.0 * 16 * 16 * 64 * kChains, int8}, {"amx_bf16", false, 2.0 * 16 * 16 * 32 * kChains, bf16}}};

}  // namespace

std::span<const PeakKernel> amx_peak_kernels() { return kKernels; }

}  // namespace ttt::cpu
