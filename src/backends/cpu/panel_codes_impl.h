#pragma once
// Reading the integer kinds (panel_layout.h) into vectors, over a level's primitives `V`. See linear_kernels_impl.h.
#include <type_traits>
#include <utility>

#include "code_bits.h"
#include "linear_kernels.h"
#include "panel_layout.h"

namespace ttt::cpu {
namespace {

constexpr int kQuads = kGroup / 4, kPairs = kGroup / 2;

/// The largest |code| of an activation.
constexpr int most_of(ActivationBits bits) { return bits == ActivationBits::eight ? 127 : V::kMostHigh * 128; }

/// Whether the level multiplies bytes into words, where some products add up before they become wider.
constexpr bool kAddsInWords = V::pair_sums_that_fit(1, 1) > 1;

/// Calls f(std::integral_constant<int, 0>), ... f(<N - 1>).
template <int N, class F>
inline __attribute__((always_inline)) void unroll(F f) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

/// Part of packed codes, `Left` bits left of where it belongs in a byte, and zeros around it.
template <CodeBits Part, int Left>
inline __attribute__((always_inline)) V::B code_bits(const std::byte* codes) {
  constexpr int kTo = Part.to + Left, kMask = ((1 << Part.width) - 1) << kTo;
  return V::template bits<kMask, kTo - Part.from>(V::load_bytes(codes + Part.vector * 64));
}

/// Quad J of packed codes, times 2^Left.
template <int Bits, int J, int Left = 0>
inline __attribute__((always_inline)) V::B unpacked_quad(const std::byte* packed) {
  constexpr QuadBits kParts = quad_bits(Bits, J);
  V::B quad = code_bits<kParts[0], Left>(packed);
  unroll<kParts.size() - 1>([&](auto i) __attribute__((always_inline)) {
    constexpr CodeBits kPart = kParts[i + 1];
    if constexpr (kPart.width > 0) quad = V::either(quad, code_bits<kPart, Left>(packed));
  });
  return quad;
}

/// A kind's table, times 2^Left.
template <PanelKind K, int Left>
constexpr std::array<std::uint8_t, 16> kTable = [] {
  auto table = *integer_kind(K).table;
  for (auto& code : table) code = static_cast<std::uint8_t>(code << Left);
  return table;
}();

/// Quad J of a group's codes, times 2^Left: 16 rows x 4 columns, a byte each.
template <PanelKind K, int J, int Left = 0>
inline __attribute__((always_inline)) V::B quad_codes(const std::byte* codes) {
  constexpr IntegerKind kind = integer_kind(K);
  if constexpr (kind.table != nullptr)
    return V::lookup(kTable<K, Left>.data(), unpacked_quad<kind.bits, J>(codes));
  else
    return unpacked_quad<kind.bits, J, Left>(codes);
}

/// A block's header, whose one-byte fields are unpacked once for all groups where they have fewer bits.
template <PanelKind K>
class BlockHeader {
 public:
  inline __attribute__((always_inline)) explicit BlockHeader(const std::byte* header) : header_(header) {
    if constexpr (kPacked)
      unroll<kUnpackedBytes / 64>([&](auto j) __attribute__((always_inline)) {
        V::store_bytes(unpacked_ + j * 64,
                       unpacked_quad<kind.narrow_bits(), j>(header + kind.wide_bytes(kBlockGroups)));
      });
  }
  /// Field `field` of all rows.
  const std::byte* wide(int field) const { return header_ + field * kPanelRows * 2; }
  const std::byte* narrow(int field) const {
    return (kPacked ? unpacked_ : header_ + kind.wide_bytes(kBlockGroups)) + field * kPanelRows;
  }

 private:
  static constexpr IntegerKind kind = integer_kind(K);
  static constexpr bool kPacked = kind.narrow_bits() < 8;
  static constexpr int kUnpackedBytes = kPacked ? kind.narrow_fields(kBlockGroups) * kPanelRows : 64;

  const std::byte* header_;
  alignas(64) std::byte unpacked_[kUnpackedBytes];
};

/// A block of a panel in f32 scales and decoded codes: for several tokens to share its decoding, and so small that it
/// stays in the first cache while they do.
struct DecodedBlock {
  alignas(64) float scales[kBlockGroups][2][kPanelRows];   ///< one per subgroup
  alignas(64) float offsets[kBlockGroups][2][kPanelRows];  ///< where the kind has them
};

/// The scales of group g of a block's header, one per subgroup, and the offsets where the kind has them.
template <PanelKind K>
struct GroupScales {
  static constexpr IntegerKind kind = integer_kind(K);
  V::F scale[kind.subgroups()];
  V::F offset[kind.subgroups()] = {};

  inline __attribute__((always_inline)) GroupScales(const DecodedBlock& block, int g) {
    for (int s = 0; s < kind.subgroups(); ++s) {
      scale[s] = V::load(block.scales[g][s]);
      if constexpr (kind.has_offset()) offset[s] = V::load(block.offsets[g][s]);
    }
  }
  inline __attribute__((always_inline)) GroupScales(const BlockHeader<K>& header, int g) {
    if constexpr (kind.scales == Scales::f16) {
      scale[0] = V::load_f16(header.wide(g));
    } else if constexpr (kind.scales == Scales::f16_offset) {
      scale[0] = V::load_f16(header.wide(g * 2));
      offset[0] = V::load_f16(header.wide(g * 2 + 1));
    } else if constexpr (kind.scales == Scales::e8m0) {
      scale[0] = V::load_e8m0(header.narrow(g));
    } else if constexpr (kind.scales == Scales::e8m0_16) {
      const V::F unit = V::set1(4.0f / static_cast<float>(kind.zero()));
      for (int s = 0; s < 2; ++s) scale[s] = V::mul(V::load_e8m0(header.narrow(2 * g + s)), unit);
    } else if constexpr (kind.scales == Scales::k16) {
      const V::F d = V::load_f16(header.wide(0));
      for (int s = 0; s < 2; ++s) scale[s] = V::mul(d, V::to_float(V::load_i8(header.narrow(2 * g + s))));
    } else {
      const V::F d = V::load_f16(header.wide(0)), minus = V::mul(V::load_f16(header.wide(1)), V::set1(-1.0f));
      for (int s = 0; s < kind.subgroups(); ++s) {
        V::I factor, least;
        if constexpr (kind.scales == Scales::k32_offset) {
          factor = V::load_u8(header.narrow(2 * g));
          least = V::load_u8(header.narrow(2 * g + 1));
        } else {
          V::load_u4_pair(header.narrow(2 * g + s), factor, least);
        }
        scale[s] = V::mul(d, V::to_float(factor));
        offset[s] = V::mul(minus, V::to_float(least));
      }
    }
  }
};

/// What codes of one part of a group stand for.
template <PanelKind K, int Zero = integer_kind(K).zero()>
inline __attribute__((always_inline)) V::F weights_of(V::F codes, V::F scale, V::F offset) {
  if constexpr (integer_kind(K).has_offset())
    return V::fma(scale, codes, offset);
  else
    return V::mul(scale, V::add(codes, V::set1(static_cast<float>(-Zero))));
}

/// One column of group g of a block in a panel, as weights. Its codes are at `codes`.
template <PanelKind K>
V::F column_weights(const BlockHeader<K>& header, int g, const std::byte* codes, int column) {
  V::B quad;
  unroll<kQuads>([&](auto j) {
    if (j == 0 || j == column / 4) quad = quad_codes<K, j>(codes);
  });
  const GroupScales<K> scales(header, g);
  const int part = column * integer_kind(K).subgroups() / kGroup;
  return weights_of<K>(V::byte_to_float(quad, column % 4), scales.scale[part], scales.offset[part]);
}

/// Of a panel's block of `groups` groups.
template <PanelKind K>
inline __attribute__((always_inline)) std::size_t block_bytes(std::int64_t groups) {
  if constexpr (is_integer(K))
    return integer_kind(K).block_bytes(groups);
  else
    return PanelLayout{K, kPanelRows, groups * kGroup}.panel_bytes();
}

/// Calls f(first group, where the block lies, number of groups) for a panel's blocks; `f` runs in order.
template <PanelKind K, class F>
inline __attribute__((always_inline)) void for_each_block(std::int64_t groups, F f) {
  std::size_t at = 0;
  for (std::int64_t first = 0; first < groups; first += kBlockGroups) {
    const int count = static_cast<int>(groups - first < kBlockGroups ? groups - first : kBlockGroups);
    f(first, at, count);
    at += block_bytes<K>(count);
  }
}

/// Calls f(g, scales, codes) for a panel's groups; `f` runs in order.
template <PanelKind K, class F>
inline __attribute__((always_inline)) void for_each_group(const std::byte* panel, std::int64_t groups, F f) {
  constexpr IntegerKind kind = integer_kind(K);
  for_each_block<K>(groups, [&](std::int64_t first, std::size_t at, int count) {
    const BlockHeader<K> header(panel + at);
    const std::byte* codes = panel + at + kind.header_bytes(count);
    for (int g = 0; g < count; ++g, codes += kind.code_bytes()) f(first + g, GroupScales<K>(header, g), codes);
  });
}

/// Calls f(integral_constant kind).
template <class F>
void with_integer_kind(PanelKind kind, F f) {
  switch (kind) {
    case PanelKind::u4:
      return f(std::integral_constant<PanelKind, PanelKind::u4>{});
    case PanelKind::u4_offset:
      return f(std::integral_constant<PanelKind, PanelKind::u4_offset>{});
    case PanelKind::u5:
      return f(std::integral_constant<PanelKind, PanelKind::u5>{});
    case PanelKind::u5_offset:
      return f(std::integral_constant<PanelKind, PanelKind::u5_offset>{});
    case PanelKind::iq4_nl:
      return f(std::integral_constant<PanelKind, PanelKind::iq4_nl>{});
    case PanelKind::mxfp4:
      return f(std::integral_constant<PanelKind, PanelKind::mxfp4>{});
    case PanelKind::u2_k:
      return f(std::integral_constant<PanelKind, PanelKind::u2_k>{});
    case PanelKind::u3_k:
      return f(std::integral_constant<PanelKind, PanelKind::u3_k>{});
    case PanelKind::u4_k:
      return f(std::integral_constant<PanelKind, PanelKind::u4_k>{});
    case PanelKind::u5_k:
      return f(std::integral_constant<PanelKind, PanelKind::u5_k>{});
    case PanelKind::u6_k:
      return f(std::integral_constant<PanelKind, PanelKind::u6_k>{});
    case PanelKind::bfp8:
      return f(std::integral_constant<PanelKind, PanelKind::bfp8>{});
    case PanelKind::bfp4:
      return f(std::integral_constant<PanelKind, PanelKind::bfp4>{});
    default:
      return f(std::integral_constant<PanelKind, PanelKind::u8>{});
  }
}

/// A block in words. Pair 2j + i of a group holds columns 4j + i and 4j + i + 2.
struct Words {
  static constexpr ActivationBits kBits = ActivationBits::fifteen;
  alignas(64) std::int16_t words[kBlockGroups][kPairs][kPanelRows][2];
};
/// Codes less their zero.
struct WordBlock : DecodedBlock, Words {
  static constexpr int kZeroLog2 = -1;  ///< what is left to subtract is 2^kZeroLog2; -1: nothing
};
/// Codes in bytes: where these have room, times 2^kLeft, so that their zero is the one that activations have sums for,
/// and scales less by as much.
template <PanelKind K>
struct CodesInBytes {
  static constexpr IntegerKind kKind = integer_kind(K);
  static constexpr int kLeft =
      kKind.has_offset() || V::kMostByteCode < 255 ? 0 : QuantizedRows::kZeroLog2 - kKind.zero_log2;
  static constexpr int kZeroLog2 = kKind.has_offset() ? -1 : kKind.zero_log2 + kLeft;
  static constexpr int kMaxCode = kKind.max_code() << kLeft;
  static_assert(kMaxCode <= 255);
  static constexpr ActivationBits kBits = ActivationBits::eight;
  alignas(64) std::byte bytes[kBlockGroups][kQuads][kPanelRows * 4];
};
template <PanelKind K>
struct ByteBlock : DecodedBlock, CodesInBytes<K> {};

/// Calls scales(group) and store(group, quad, codes times 2^Left) for a block's groups in order, and ahead(group)
/// before each.
template <PanelKind K, int Left = 0, class Scales, class Store, class Ahead>
inline __attribute__((always_inline)) void decode_groups(const std::byte* block, int groups, Scales scales, Store store,
                                                         Ahead ahead) {
  constexpr IntegerKind kind = integer_kind(K);
  const std::byte* codes = block + kind.header_bytes(groups);
  for (int g = 0; g < groups; ++g, codes += kind.code_bytes()) {
    ahead(g);
    scales(g);
    unroll<kQuads>([&](auto j) { store(g, j, quad_codes<K, j, Left>(codes)); });
  }
}

/// Decodes a block's scales, less by 2^Left, and its codes by store(group, quad, codes times 2^Left).
template <PanelKind K, int Left = 0, class Store, class Ahead>
inline __attribute__((always_inline)) void decode_block(const std::byte* block, int groups, DecodedBlock& out,
                                                        Store store, Ahead ahead) {
  constexpr IntegerKind kind = integer_kind(K);
  const BlockHeader<K> header(block);
  const auto scales = [&](int g) {
    const GroupScales<K> group(header, g);
    for (int s = 0; s < kind.subgroups(); ++s) {
      V::F scale = group.scale[s];
      if constexpr (Left > 0) scale = V::mul(scale, V::set1(1.0f / (1 << Left)));
      V::store(out.scales[g][s], scale);
      if constexpr (kind.has_offset()) V::store(out.offsets[g][s], group.offset[s]);
    }
  };
  decode_groups<K, Left>(block, groups, scales, store, ahead);
}

template <PanelKind K, class Ahead>
void decode(const std::byte* block, int groups, WordBlock& out, Ahead ahead) {
  constexpr int kZero = integer_kind(K).zero();
  const auto store = [&](int g, int quad, V::B codes) {
    V::store_words(out.words[g][2 * quad][0], V::even_bytes_less(codes, kZero));
    V::store_words(out.words[g][2 * quad + 1][0], V::odd_bytes_less(codes, kZero));
  };
  decode_block<K>(block, groups, out, store, ahead);
}

template <PanelKind K, class Ahead>
void decode(const std::byte* block, int groups, ByteBlock<K>& out, Ahead ahead) {
  const auto store = [&](int g, int quad, V::B codes) { V::store_bytes(out.bytes[g][quad], codes); };
  decode_block<K, ByteBlock<K>::kLeft>(block, groups, out, store, ahead);
}

/// A panel's weights in f32, [k][16], as the block format defines them. Writes whole groups.
template <PanelKind K>
void unpack_floats(const std::byte* panel, std::int64_t groups, float* out) {
  constexpr IntegerKind kind = integer_kind(K);
  for_each_group<K>(panel, groups, [&](std::int64_t g, const GroupScales<K>& group, const std::byte* codes) {
    unroll<kQuads>([&](auto j) {
      constexpr int kSub = j * kind.subgroups() / kQuads;
      const V::B quad = quad_codes<K, j>(codes);
      unroll<4>([&](auto c) {
        const V::F code = V::template byte_to_float<c>(quad);
        V::store(out + (g * kGroup + j * 4 + c) * kPanelRows,
                 weights_of<K>(code, group.scale[kSub], group.offset[kSub]));
      });
    });
  });
}

}  // namespace
}  // namespace ttt::cpu
