#pragma once
// Products of K-quants with activations that share a scale throughout a block (ScaleOf::block), for levels that
// multiply bytes into words. See linear_kernels_impl.h. A weight of a K-quant is d * scale * (code - zero), or
// d * scale * code - dmin * min, with integers for scale and min. Sums of pairs of products have to become wider
// anyway, by a multiplication, which takes them times the scale for nothing; so a block's products add up in integers,
// and meet floats once.
//
// `V` is a parameter here, as levels without such products lack some of the primitives.
#include <algorithm>
#include <type_traits>

#include "code_products_impl.h"
#include "linear_kernels.h"
#include "panel_codes_impl.h"
#include "quantize_rows_impl.h"

namespace ttt::cpu {
namespace {

constexpr bool kBlockScales = V::pair_sums_that_fit(1, 1) > 1;

/// What a K-quant's block has for its codes' zero or mins to meet: pairs of words, and sums of activations to go with
/// them. Of a group's halves, or of two groups where halves share their scale.
template <PanelKind K>
struct BlockOffsets {
  static constexpr bool kOfHalves = integer_kind(K).subgroups() == 2;
  static constexpr int kCount = kOfHalves ? QuantizedRows::kHalves : QuantizedRows::kPairs;
  static constexpr int kFirst = kOfHalves ? 0 : QuantizedRows::kHalves;  ///< in QuantizedRows::block_sums

  /// Where group g's are.
  static constexpr int index(int g) { return kOfHalves ? g : g / 2; }
};

/// The scales of a block, from its header.
template <class V, PanelKind K>
class HeaderScales {
 public:
  inline __attribute__((always_inline)) explicit HeaderScales(const BlockHeader<K>& header) : header_(header) {}

  /// Of a group's part, twice in each lane.
  inline __attribute__((always_inline)) typename V::I scale(int g, int part) const {
    const auto scale = field(g * kParts + part).scale;
    return V::join_words(scale, scale);
  }
  inline __attribute__((always_inline)) typename V::I offsets(int i) const {
    return V::join_words(field(2 * i).offset, field(2 * i + 1).offset);
  }
  typename V::F d() const { return V::load_f16(header_.wide(0)); }
  typename V::F minus_dmin() const { return V::mul(V::load_f16(header_.wide(1)), V::set1(-1.0f)); }

 private:
  static constexpr IntegerKind kind = integer_kind(K);
  static constexpr int kParts = kind.subgroups();
  struct Field {
    typename V::I scale, offset;
  };
  /// Of part `i` of the block.
  inline __attribute__((always_inline)) Field field(int i) const {
    if constexpr (kind.scales == Scales::k32_offset) {
      return {V::load_u8_int(header_.narrow(2 * i)), V::load_u8_int(header_.narrow(2 * i + 1))};
    } else if constexpr (kind.scales == Scales::k16) {
      const typename V::I scale = V::load_i8_int(header_.narrow(i));
      return {scale, scale};
    } else {
      Field both;
      V::load_u4_pair_int(header_.narrow(i), both.scale, both.offset);
      return both;
    }
  }

  const BlockHeader<K>& header_;
};

/// A block of a panel, decoded for several tokens: codes as they are and scales as HeaderScales has them.
template <class V, PanelKind K>
struct ScaledBlock {
  static constexpr IntegerKind kind = integer_kind(K);
  static constexpr ActivationBits kBits = ActivationBits::eight;
  alignas(64) std::int16_t scales[kBlockGroups][kind.subgroups()][kPanelRows][2];
  alignas(64) std::int16_t offset_words[BlockOffsets<K>::kCount][kPanelRows][2];
  alignas(64) float d_floats[kPanelRows], minus_dmin_floats[kPanelRows];
  alignas(64) std::byte bytes[kBlockGroups][kQuads][kPanelRows * 4];

  inline __attribute__((always_inline)) auto quads(int g) const {
    return [&codes = bytes[g]](auto j) __attribute__((always_inline)) { return V::load_bytes(codes[j]); };
  }
  typename V::I scale(int g, int part) const { return V::load_words(scales[g][part][0]); }
  typename V::I offsets(int i) const { return V::load_words(offset_words[i][0]); }
  typename V::F d() const { return V::load(d_floats); }
  typename V::F minus_dmin() const { return V::load(minus_dmin_floats); }
};

/// Calls ahead(group) before each group.
template <PanelKind K, class V, class Ahead>
void decode(const std::byte* block, int groups, ScaledBlock<V, K>& out, Ahead ahead) {
  constexpr IntegerKind kind = integer_kind(K);
  const BlockHeader<K> header(block);
  const HeaderScales<V, K> scales(header);
  decode_groups<K>(
      block, groups,
      [&](int g) {
        for (int part = 0; part < kind.subgroups(); ++part)
          V::store_words(out.scales[g][part][0], scales.scale(g, part));
      },
      [&](int g, int quad, auto codes) { V::store_bytes(out.bytes[g][quad], codes); }, ahead);
  for (int i = 0; i < BlockOffsets<K>::kCount; ++i) V::store_words(out.offset_words[i][0], scales.offsets(i));
  V::store(out.d_floats, scales.d());
  if constexpr (kind.has_offset()) V::store(out.minus_dmin_floats, scales.minus_dmin());
}

/// total[t] += scales of group g times the sums of its codes, quad(j) for four columns each, times a tile's
/// activations.
template <PanelKind K, class V, int T, class Quad, class Scales>
inline __attribute__((always_inline)) void add_scaled(typename V::I (&total)[T], Quad quad, const Scales& scales, int g,
                                                      const std::int8_t* x) {
  constexpr IntegerKind kind = integer_kind(K);
  constexpr int kParts = kind.subgroups(), kPartQuads = kQuads / kParts,
                kFit = V::pair_sums_that_fit(kind.max_code(), most_of(ActivationBits::eight));
  static_assert(kFit > 1);
  unroll<kParts>([&](auto part) __attribute__((always_inline)) {
    const typename V::I scale = scales.scale(g, part);
    constexpr int kFirst = part * kPartQuads;
    add_products<kFit, kPartQuads, V>(
        total, [&](auto j) __attribute__((always_inline)) { return quad(std::integral_constant<int, kFirst + j>{}); },
        TileBytes<T>{x + kFirst * T * 4},
        [&](auto pairs) __attribute__((always_inline)) { return V::multiply_words(pairs, scale); });
  });
}

/// sum plus what totals and offsets in integers are worth.
template <PanelKind K, class V, class Scales>
inline __attribute__((always_inline)) typename V::F scaled_sum(typename V::F sum, typename V::I total,
                                                               typename V::I offsets, const Scales& scales,
                                                               float scale) {
  constexpr IntegerKind kind = integer_kind(K);
  const typename V::F unit = V::set1(scale);
  if constexpr (kind.has_offset()) {
    sum = V::fma(V::to_float(total), V::mul(scales.d(), unit), sum);
    return V::fma(V::to_float(offsets), V::mul(scales.minus_dmin(), unit), sum);
  } else {
    const typename V::I zeros = V::template shift_left<kind.zero_log2>(offsets);
    return V::fma(V::to_float(V::sub_int(total, zeros)), V::mul(scales.d(), unit), sum);
  }
}

/// Adds a block's products with a tile's activations to what `sum` has of the tile; `totals` are those of its codes.
template <PanelKind K, class V, int T, class Scales>
inline __attribute__((always_inline)) void end_scaled_block(typename V::F (&sum)[T], const typename V::I (&total)[T],
                                                            const Scales& scales, const QuantizedRows& x,
                                                            std::int64_t first) {
  using Offsets = BlockOffsets<K>;
  const std::int64_t block = first / kBlockGroups;
  const std::int16_t* sums = x.block_sums + (block * QuantizedRows::kBlockSums + 2 * Offsets::kFirst) * T;
  typename V::I offsets[T];
  unroll<T>([&](auto t) __attribute__((always_inline)) { offsets[t] = V::set1_int(0); });
  unroll<Offsets::kCount>([&](auto i) __attribute__((always_inline)) {
    const typename V::I words = scales.offsets(i);
    unroll<T>([&](auto t) __attribute__((always_inline)) {
      offsets[t] = V::dot_words(offsets[t], words, sums + (i * T + t) * 2);
    });
  });
  unroll<T>([&](auto t) __attribute__((always_inline)) {
    sum[t] = scaled_sum<K, V>(sum[t], total[t], offsets[t], scales, x.scales[block * T + t]);
  });
}

/// Adds a block times a tile's activations to what `out` has of the tile. The first block begins at zero. Calls
/// ahead(group) before each group.
template <PanelKind K, int T, class V, class Ahead>
inline __attribute__((always_inline)) void block_tile(const ScaledBlock<V, K>& w, std::int64_t first, int groups,
                                                      const QuantizedRows& x, float* out, std::int64_t stride,
                                                      Ahead ahead) {
  typename V::I total[T];
  unroll<T>([&](auto t) __attribute__((always_inline)) { total[t] = V::set1_int(0); });
  for (int g = 0; g < groups; ++g) {
    ahead(g);
    add_scaled<K, V>(total, w.quads(g), w, g, x.codes + (first + g) * T * kGroup);
  }
  typename V::F sum[T];
  unroll<T>([&](auto t)
                __attribute__((always_inline)) { sum[t] = first == 0 ? V::zero() : V::load(out + t * stride); });
  end_scaled_block<K, V>(sum, total, w, x, first);
  unroll<T>([&](auto t) __attribute__((always_inline)) { V::store(out + t * stride, sum[t]); });
}

/// One column of group g, as weights.
template <PanelKind K, class V>
typename V::F column_weights(const ScaledBlock<V, K>& w, int g, int column) {
  constexpr IntegerKind kind = integer_kind(K);
  const int part = column * kind.subgroups() / kGroup;
  const typename V::F scale = V::mul(w.d(), V::to_float(V::template shift_right<16>(w.scale(g, part))));
  typename V::F offset = V::zero();
  if constexpr (kind.has_offset()) {
    typename V::I min = w.offsets(BlockOffsets<K>::index(g));
    if ((BlockOffsets<K>::kOfHalves ? part : g) % 2 == 0) min = V::template shift_left<16>(min);
    offset = V::mul(w.minus_dmin(), V::to_float(V::template shift_right<16>(min)));
  }
  return weights_of<K>(V::byte_to_float(V::load_bytes(w.bytes[g][column / 4]), column % 4), scale, offset);
}

/// A panel's sums of one token, as integer_row wants them.
template <class V, PanelKind K>
class BlockSums {
 public:
  struct Cell {
    const std::int8_t* codes;
    Cell(const QuantizedRows& x, std::int64_t group) : codes(x.codes + group * kGroup) {}
  };
  static constexpr bool kHasOutliers = true;

  template <class Quad>
  inline __attribute__((always_inline)) void add(Quad quad, const BlockHeader<K>& header, int g, const Cell& cell) {
    add_scaled<K, V>(total_, quad, HeaderScales<V, K>(header), g, cell.codes);
  }
  inline __attribute__((always_inline)) void end_block(const BlockHeader<K>& header, const QuantizedRows& x,
                                                       std::int64_t first) {
    typename V::F sums[1] = {sum};
    end_scaled_block<K, V>(sums, total_, HeaderScales<V, K>(header), x, first);
    sum = sums[0];
    total_[0] = V::set1_int(0);
  }

  typename V::F sum = V::zero();

 private:
  typename V::I total_[1] = {V::set1_int(0)};
};

}  // namespace
}  // namespace ttt::cpu
