// The AMX kernels run anywhere on tiles in plain C++: this checks how they split, pack and index. That the real tiles
// do the same is checked by test_linear_ops on machines that have them.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>

#include "backends/cpu/simd_generic.h"
//
#include "backends/cpu/amx_linear_impl.h"
#include "isa_levels.h"
#include "ttt/ops/linear.h"
#include "ttt/testing/agreement.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt::cpu {
namespace {

/// Eight tiles of 16 rows of 64 bytes. A tile exists only while an object does, as the real ones need their
/// configuration.
struct EmulatedTiles {
  using Tile = std::array<std::array<std::byte, 64>, 16>;
  static inline std::array<Tile, 8> tiles;
  static inline int configured = 0;

  EmulatedTiles() { ++configured; }
  ~EmulatedTiles() { --configured; }

  template <int N>
  static Tile& tile() {
    EXPECT_EQ(configured, 1);
    return tiles.at(N);
  }
  template <int N>
  static void zero() {
    tile<N>() = {};
  }
  template <int N>
  static void load(const void* p, std::int64_t stride) {
    for (std::size_t r = 0; r < 16; ++r)
      std::memcpy(tile<N>()[r].data(), static_cast<const std::byte*>(p) + static_cast<std::int64_t>(r) * stride, 64);
  }
  template <int N>
  static void store(void* p, std::int64_t stride) {
    for (std::size_t r = 0; r < 16; ++r)
      std::memcpy(static_cast<std::byte*>(p) + static_cast<std::int64_t>(r) * stride, tile<N>()[r].data(), 64);
  }
  template <int C, int A, int B>
  static void dot() {
    const auto half = [](const Tile& t, std::size_t row, std::size_t i) {
      std::uint16_t bits;
      std::memcpy(&bits, t[row].data() + 2 * i, 2);
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    };
    for (std::size_t m = 0; m < 16; ++m)
      for (std::size_t n = 0; n < 16; ++n) {
        float sum;
        std::memcpy(&sum, tile<C>()[m].data() + 4 * n, 4);
        for (std::size_t k = 0; k < 32; ++k) sum += half(tile<A>(), m, k) * half(tile<B>(), k / 2, 2 * n + k % 2);
        std::memcpy(tile<C>()[m].data() + 4 * n, &sum, 4);
      }
  }
};

std::vector<float> products(const CpuPackedMatrix& w, const std::vector<float>& x, int tokens) {
  const auto& section = w.sections().front();
  const std::int64_t cols = w.cols(), rows = (tokens + 15) / 16 * 16, panels = section.layout.panels();
  TokenTiles tiles{nullptr, nullptr, cols};
  std::vector<std::uint16_t> high(static_cast<std::size_t>(rows * tiles.padded_cols())), low(high.size());
  tiles.high = high.data();
  if (amx_parts(section.layout.kind).tokens == 2) tiles.low = low.data();
  for (std::int64_t t = 0; t < tokens; ++t) store_row(x.data() + t * cols, tiles, t);
  std::vector<float> out(static_cast<std::size_t>(rows * panels * kPanelRows));
  amx_products<EmulatedTiles>({section.layout, section.panel(0), static_cast<int>(panels)}, tiles, 0, tokens,
                              out.data(), panels * kPanelRows);
  return out;
}

/// On a device that packs as those with AMX do, where this machine has such a level.
TEST(AmxLinear, FollowsTheReferenceForEveryFormat) {
  struct Sizes {
    std::int64_t rows, cols;
    int tokens;
  };
  const auto device = test::open_level(test::isa_levels().back(), Precision::exact);
  for (const auto& format : all_dtypes()) {
    if (!is_floating(format.dtype) && !is_block_quantized(format.dtype)) continue;
    // Odd panels and tokens, columns that end within a tile, and more columns than are split at a time.
    for (const auto& [rows, cols, tokens] :
         {Sizes{16, 32, 1}, {40, 256, 16}, {49, 512, 33}, {17, 40, 20}, {17, 48, 20}, {20, 2304, 50}, {33, 65, 48}}) {
      if (cols % format.block_size != 0 || format.dtype == DType::f64) continue;
      SCOPED_TRACE(std::string(format.name) + " " + std::to_string(rows) + "x" + std::to_string(cols) + " tokens " +
                   std::to_string(tokens));
      const std::array<Tensor, 1> parts{testing::random_weight(format.dtype, rows, cols, 3)};
      const auto packed = ops::run<ops::PackMatrix>(*device, {parts});
      const auto x = testing::random_values(static_cast<std::size_t>(tokens * cols), 4);
      const auto got = products(static_cast<const CpuPackedMatrix&>(*packed), x, tokens);
      std::vector<float> want(static_cast<std::size_t>(tokens * rows)), dense;
      ops::Linear::reference(*device,
                             {.weight = *packed, .x = {x.data(), tokens, cols}, .y = {want.data(), tokens, rows}});
      const std::int64_t stride = (rows + 15) / 16 * 16;
      for (std::int64_t t = 0; t < tokens; ++t)
        dense.insert(dense.end(), got.begin() + t * stride, got.begin() + t * stride + rows);
      float most = 0;
      for (const float v : want) most = std::max(most, std::fabs(v));
      const bool exact =
          amx_parts(static_cast<const CpuPackedMatrix&>(*packed).sections().front().layout.kind).tokens == 2;
      EXPECT_LE(testing::compare(dense, want).max_abs_diff, (exact ? 1e-4 : 4e-3) * most);
    }
  }
}

}  // namespace
}  // namespace ttt::cpu
