#pragma once
// Products of K-quants with activations that share a scale throughout a block (ScaleOf::block), over a level's
// primitives `V`. See linear_kernels_impl.h. A weight of a K-quant is d * scale * (code - zero), or
// d * scale * code - dmin * min, with integers for scale and min: a block's products add up to one sum, and its mins to
// another, before they meet the block's d and dmin, and the scale of the activations.
#include <type_traits>

#include "code_products_impl.h"
#include "linear_kernels.h"
#include "panel_codes_impl.h"
#include "quantize_rows_impl.h"

namespace ttt::cpu {
namespace {

/// How a level that multiplies bytes into words adds up a block's products: in integers. Sums of pairs of products have
/// to become wider anyway, by a multiplication, which takes them times the scale for nothing. Other levels lack some of
/// its primitives.
template <class Level>
struct IntegerTotals {
  static constexpr bool kAddsLessZeros = false;  ///< whether `add` takes zeros from products
  using Total = typename Level::I;
  using Scale = typename Level::I;              ///< twice in each lane
  using Stored = std::int16_t[kPanelRows * 2];  ///< a scale in memory

  static Total zero() { return Level::set1_int(0); }
  static Scale scale(typename Level::I x) { return Level::join_words(x, x); }
  static Scale load(const Stored& from) { return Level::load_words(from); }
  static void store(Stored& to, Scale x) { Level::store_words(to, x); }
  /// A total less its zeros, which are `sums` times 2^ZeroLog2; -1: there are none.
  template <int ZeroLog2>
  static typename Level::F to_float(Total x, typename Level::I sums) {
    if constexpr (ZeroLog2 >= 0) x = Level::sub_int(x, Level::template shift_left<ZeroLog2>(sums));
    return Level::to_float(x);
  }
  static typename Level::F scale_to_float(Scale x) { return Level::to_float(Level::template shift_right<16>(x)); }

  /// total[t] += scale times the products of `Count` quads of codes and a tile's bytes, see add_products; of codes less
  /// 2^ZeroLog2, see minus_zeros, where kAddsLessZeros.
  template <int MaxCode, int ZeroLog2, int Count, int T, class Quad>
  static inline __attribute__((always_inline)) void add(Total (&total)[T], Scale scale, Quad quad, TileBytes<T> bytes,
                                                        const std::int32_t*) {
    constexpr int kFit = Level::pair_sums_that_fit(MaxCode, most_of(ActivationBits::eight));
    static_assert(kFit > 1);
    add_products<kFit, Count, Level>(total, quad, bytes, [scale](auto pairs) __attribute__((always_inline)) {
      return Level::multiply_words(pairs, scale);
    });
  }
};

/// How other levels do: in floats, which cost no more than to multiply integers of 32 bits.
struct FloatTotals {
  static constexpr bool kAddsLessZeros = true;
  using Total = V::F;
  using Scale = V::F;
  using Stored = float[kPanelRows];

  static Total zero() { return V::zero(); }
  static Scale scale(V::I x) { return V::to_float(x); }
  static Scale load(const Stored& from) { return V::load(from); }
  static void store(Stored& to, Scale x) { V::store(to, x); }
  template <int>
  static V::F to_float(Total x, V::I) {
    return x;
  }
  static V::F scale_to_float(Scale x) { return x; }

  template <int MaxCode, int ZeroLog2, int Count, int T, class Quad>
  static inline __attribute__((always_inline)) void add(Total (&total)[T], Scale scale, Quad quad, TileBytes<T> bytes,
                                                        const std::int32_t* minus_sums) {
    V::I dots[T];
    dots_less_zero<MaxCode, ZeroLog2, Count>(dots, quad, bytes, minus_sums);
    unroll<T>([&](auto t) __attribute__((always_inline)) { total[t] = V::fma(V::to_float(dots[t]), scale, total[t]); });
  }
};

using Totals = std::conditional_t<kAddsInWords, IntegerTotals<V>, FloatTotals>;
using Total = Totals::Total;

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

/// Whether sums of activations are met as a block ends.
template <PanelKind K>
constexpr bool kMeetsBlockSums = integer_kind(K).has_offset() || !Totals::kAddsLessZeros;

/// The scales of a block, from its header.
template <PanelKind K>
class HeaderScales {
 public:
  static constexpr int kZeroLog2 = integer_kind(K).zero_log2, kMaxCode = integer_kind(K).max_code();

  inline __attribute__((always_inline)) explicit HeaderScales(const BlockHeader<K>& header) : header_(header) {}

  /// Of a group's part.
  inline __attribute__((always_inline)) Totals::Scale scale(int g, int part) const {
    return Totals::scale(field(g * kParts + part).scale);
  }
  inline __attribute__((always_inline)) V::I offsets(int i) const {
    return V::join_words(field(2 * i).offset, field(2 * i + 1).offset);
  }
  V::F d() const { return V::load_f16(header_.wide(0)); }
  V::F minus_dmin() const { return V::mul(V::load_f16(header_.wide(1)), V::set1(-1.0f)); }

 private:
  static constexpr IntegerKind kind = integer_kind(K);
  static constexpr int kParts = kind.subgroups();
  struct Field {
    V::I scale, offset;
  };
  /// Of part `i` of the block.
  inline __attribute__((always_inline)) Field field(int i) const {
    if constexpr (kind.scales == Scales::k32_offset) {
      return {V::load_u8(header_.narrow(2 * i)), V::load_u8(header_.narrow(2 * i + 1))};
    } else if constexpr (kind.scales == Scales::k16) {
      const V::I scale = V::load_i8(header_.narrow(i));
      return {scale, scale};
    } else {
      Field both;
      V::load_u4_pair(header_.narrow(i), both.scale, both.offset);
      return both;
    }
  }

  const BlockHeader<K>& header_;
};

/// A block of a panel, decoded for several tokens: codes, and scales as HeaderScales has them.
template <PanelKind K>
struct ScaledBlock : CodesInBytes<K> {
  alignas(64) Totals::Stored scales[kBlockGroups][integer_kind(K).subgroups()];
  alignas(64) std::int16_t offset_words[BlockOffsets<K>::kCount][kPanelRows][2];
  alignas(64) float d_floats[kPanelRows], minus_dmin_floats[kPanelRows];

  inline __attribute__((always_inline)) auto quads(int g) const {
    return [&codes = this->bytes[g]](auto j) __attribute__((always_inline)) { return V::load_bytes(codes[j]); };
  }
  Totals::Scale scale(int g, int part) const { return Totals::load(scales[g][part]); }
  V::I offsets(int i) const { return V::load_words(offset_words[i][0]); }
  V::F d() const { return V::load(d_floats); }
  V::F minus_dmin() const { return V::load(minus_dmin_floats); }
};

/// Calls ahead(group) before each group.
template <PanelKind K, class Ahead>
void decode(const std::byte* block, int groups, ScaledBlock<K>& out, Ahead ahead) {
  constexpr IntegerKind kind = integer_kind(K);
  const BlockHeader<K> header(block);
  const HeaderScales<K> scales(header);
  constexpr int kLeft = ScaledBlock<K>::kLeft;
  decode_groups<K, kLeft>(
      block, groups,
      [&](int g) {
        for (int part = 0; part < kind.subgroups(); ++part) Totals::store(out.scales[g][part], scales.scale(g, part));
      },
      [&](int g, int quad, auto codes) { V::store_bytes(out.bytes[g][quad], codes); }, ahead);
  if constexpr (kMeetsBlockSums<K>)
    for (int i = 0; i < BlockOffsets<K>::kCount; ++i) V::store_words(out.offset_words[i][0], scales.offsets(i));
  V::F d = scales.d();
  if constexpr (kLeft > 0) d = V::mul(d, V::set1(1.0f / (1 << kLeft)));
  V::store(out.d_floats, d);
  if constexpr (kind.has_offset()) V::store(out.minus_dmin_floats, scales.minus_dmin());
}

/// A tile's cells of a group.
template <int T>
struct BlockCells {
  const std::int8_t* codes;
  const std::int32_t* minus_sums;  ///< [QuantizedRows::kSums][T]

  BlockCells(const QuantizedRows& x, std::int64_t group)
      : codes(x.codes + group * T * kGroup), minus_sums(x.minus_sums + group * T * QuantizedRows::kSums) {}
};

/// total[t] += scales of group g times the sums of its codes, quad(j) for four columns each, times a tile's
/// activations.
template <PanelKind K, int T, class Quad, class Source>
inline __attribute__((always_inline)) void add_scaled(Total (&total)[T], Quad quad, const Source& scales, int g,
                                                      const BlockCells<T>& cells) {
  constexpr IntegerKind kind = integer_kind(K);
  constexpr int kParts = kind.subgroups(), kPartQuads = kQuads / kParts;
  unroll<kParts>([&](auto part) __attribute__((always_inline)) {
    constexpr int kFirst = part * kPartQuads, kSums = kParts == 1 ? 2 : part;
    Totals::add<Source::kMaxCode, Source::kZeroLog2, kPartQuads>(
        total, scales.scale(g, part),
        [&](auto j) __attribute__((always_inline)) { return quad(std::integral_constant<int, kFirst + j>{}); },
        TileBytes<T>{cells.codes + kFirst * T * 4}, cells.minus_sums + kSums * T);
  });
}

/// offsets[t] += a block's zeros or mins times a tile's sums of activations.
template <PanelKind K, int T, class Source>
inline __attribute__((always_inline)) void add_offsets(V::I (&offsets)[T], const Source& scales, const QuantizedRows& x,
                                                       std::int64_t block) {
  using Offsets = BlockOffsets<K>;
  const std::int16_t* sums = x.block_sums + (block * QuantizedRows::kBlockSums + 2 * Offsets::kFirst) * T;
  unroll<Offsets::kCount>([&](auto i) __attribute__((always_inline)) {
    const V::I words = scales.offsets(i);
    unroll<T>([&](auto t) __attribute__((always_inline)) {
      offsets[t] = V::dot_words(offsets[t], words, sums + (i * T + t) * 2);
    });
  });
}

/// Adds a block's products with a tile's activations to what `sum` has of the tile; `total` is that of its codes.
template <PanelKind K, int T, class Source>
inline __attribute__((always_inline)) void end_scaled_block(V::F (&sum)[T], const Total (&total)[T],
                                                            const Source& scales, const QuantizedRows& x,
                                                            std::int64_t first) {
  constexpr IntegerKind kind = integer_kind(K);
  const std::int64_t block = first / kBlockGroups;
  V::I offsets[T];
  unroll<T>([&](auto t) __attribute__((always_inline)) { offsets[t] = V::set1_int(0); });
  if constexpr (kMeetsBlockSums<K>) add_offsets<K>(offsets, scales, x, block);
  unroll<T>([&](auto t) __attribute__((always_inline)) {
    const V::F unit = V::set1(x.scales[block * T + t]);
    sum[t] = V::fma(Totals::to_float<Source::kZeroLog2>(total[t], offsets[t]), V::mul(scales.d(), unit), sum[t]);
    if constexpr (kind.has_offset())
      sum[t] = V::fma(V::to_float(offsets[t]), V::mul(scales.minus_dmin(), unit), sum[t]);
  });
}

/// Adds a block times a tile's activations to what `out` has of the tile. The first block begins at zero. Calls
/// ahead(group) before each group.
template <PanelKind K, int T, class Ahead>
inline __attribute__((always_inline)) void block_tile(const ScaledBlock<K>& w, std::int64_t first, int groups,
                                                      const QuantizedRows& x, float* out, std::int64_t stride,
                                                      Ahead ahead) {
  Total total[T];
  unroll<T>([&](auto t) __attribute__((always_inline)) { total[t] = Totals::zero(); });
  for (int g = 0; g < groups; ++g) {
    ahead(g);
    add_scaled<K>(total, w.quads(g), w, g, BlockCells<T>(x, first + g));
  }
  V::F sum[T];
  unroll<T>([&](auto t)
                __attribute__((always_inline)) { sum[t] = first == 0 ? V::zero() : V::load(out + t * stride); });
  end_scaled_block<K>(sum, total, w, x, first);
  unroll<T>([&](auto t) __attribute__((always_inline)) { V::store(out + t * stride, sum[t]); });
}

/// One column of group g, as weights.
template <PanelKind K>
V::F column_weights(const ScaledBlock<K>& w, int g, int column) {
  constexpr IntegerKind kind = integer_kind(K);
  const int part = column * kind.subgroups() / kGroup;
  const V::F scale = V::mul(w.d(), Totals::scale_to_float(w.scale(g, part)));
  V::F offset = V::zero();
  if constexpr (kind.has_offset()) {
    V::I min = w.offsets(BlockOffsets<K>::index(g));
    if ((BlockOffsets<K>::kOfHalves ? part : g) % 2 == 0) min = V::template shift_left<16>(min);
    offset = V::mul(w.minus_dmin(), V::to_float(V::template shift_right<16>(min)));
  }
  return weights_of<K, kind.zero() << ScaledBlock<K>::kLeft>(
      V::byte_to_float(V::load_bytes(w.bytes[g][column / 4]), column % 4), scale, offset);
}

/// A panel's sums of a tile of tokens, as integer_row and integer_rows want them.
template <PanelKind K, int T>
class BlockSums {
 public:
  using Cells = BlockCells<T>;
  static constexpr bool kHasOutliers = true;

  BlockSums() {
    unroll<T>([&](auto t) __attribute__((always_inline)) { sum[t] = V::zero(), total_[t] = Totals::zero(); });
  }
  template <class Quad>
  inline __attribute__((always_inline)) void add(Quad quad, const BlockHeader<K>& header, int g, const Cells& cells) {
    add_scaled<K>(total_, quad, HeaderScales<K>(header), g, cells);
  }
  inline __attribute__((always_inline)) void end_block(const BlockHeader<K>& header, const QuantizedRows& x,
                                                       std::int64_t first) {
    end_scaled_block<K>(sum, total_, HeaderScales<K>(header), x, first);
    unroll<T>([&](auto t) __attribute__((always_inline)) { total_[t] = Totals::zero(); });
  }

  V::F sum[T];

 private:
  Total total_[T];
};

}  // namespace
}  // namespace ttt::cpu
