#include "panel_layout.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "code_bits.h"
#include "coded_bf16.h"
#include "load.h"
#include "ttt/formats/block_float.h"
#include "ttt/formats/dequantize.h"

namespace ttt::cpu {
namespace {

using Bytes = const std::uint8_t*;

/// Sixteen bytes' low halves, then their high ones; eight bytes at a time.
void read_nibbles(Bytes b, std::uint8_t* codes) {
  constexpr std::uint64_t kLow = 0x0f0f0f0f0f0f0f0f;
  for (int i = 0; i < 16; i += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, b + i, sizeof bytes);
    const std::uint64_t low = bytes & kLow, high = bytes >> 4 & kLow;
    std::memcpy(codes + i, &low, sizeof low);
    std::memcpy(codes + 16 + i, &high, sizeof high);
  }
}

/// Eight bits as bytes, the lowest first.
constexpr std::uint64_t spread_bits(std::uint64_t bits) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kDiagonal = 0x8040201008040201;
  // Of each byte its own bit is left, and what is not zero carries into the highest.
  return (((bits * kOnes & kDiagonal) + 0x7f * kOnes) >> 7) & kOnes;
}
static_assert(spread_bits(0b10000110) == 0x0100000000010100);

/// A format of 32 columns a block: up to two fields, perhaps fifth bits, then codes.
void read_group(DType dtype, Bytes b, std::size_t g, CodedBlock& out) {
  std::uint8_t* codes = out.codes.data() + g * kGroup;
  if (dtype == DType::mxfp4) {
    out.narrow[g] = b[0];
    return read_nibbles(b + 1, codes);
  }
  if (dtype == DType::q8_0) {
    out.wide[g] = load_u16(b);
    for (int i = 0; i < kGroup; ++i) codes[i] = b[2 + i] ^ 0x80;
    return;
  }
  const bool offset = dtype == DType::q4_1 || dtype == DType::q5_1,
             fifth = dtype == DType::q5_0 || dtype == DType::q5_1;
  out.wide[offset ? 2 * g : g] = load_u16(b);
  if (offset) out.wide[2 * g + 1] = load_u16(b + 2);
  b += offset ? 4 : 2;
  if (!fifth) return read_nibbles(b, codes);
  std::uint32_t high = 0;
  std::memcpy(&high, b, sizeof high);
  read_nibbles(b + sizeof high, codes);
  for (int i = 0; i < kGroup; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, codes + i, sizeof eight);
    eight |= spread_bits(high >> i & 0xff) << 4;
    std::memcpy(codes + i, &eight, sizeof eight);
  }
}

/// A block float: its exponent, and signed magnitudes as codes around the zero.
void read_half_group(DType dtype, Bytes block, std::size_t half, CodedBlock& out) {
  const int zero = dtype == DType::bfp8 ? 128 : 8;
  std::uint8_t* codes = out.codes.data() + half * kBlockFloatSize;
  out.narrow[half] = block[0];
  for (std::size_t i = 0; i < kBlockFloatSize; ++i) {
    const int code = dtype == DType::bfp8 ? block[1 + i] : block[1 + i / 2] >> i % 2 * 4 & 15;
    const int magnitude = code & (zero - 1);
    codes[i] = static_cast<std::uint8_t>(code >= zero ? zero - magnitude : zero + magnitude);
  }
}

/// Where 2 or 4 bits of a K block's codes lie: 32 bytes hold them of four or two runs of 32 columns.
struct RunBits {
  Bytes bytes;
  int shift;

  static RunBits of_crumbs(Bytes p, int run) { return {p + run / 4 * 32, run % 4 * 2}; }
  static RunBits of_nibbles(Bytes p, int run) { return {p + run / 2 * 32, run % 2 * 4}; }
  int operator()(int i) const { return bytes[i] >> shift; }
};

/// Eight pairs of 6-bit numbers in 12 bytes.
void read_scale_mins(Bytes s, CodedBlock& out) {
  for (std::size_t j = 0; j < 8; ++j) {
    out.narrow[2 * j] = static_cast<std::uint8_t>(j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 2 & 0x30));
    out.narrow[2 * j + 1] = static_cast<std::uint8_t>(j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 2 & 0x30));
  }
}

/// Codes run by run; run(r) gives the function from a column of the run to its code.
template <class F>
void fill_codes(CodedBlock& out, F run) {
  for (int r = 0; r < kBlockCols / 32; ++r) {
    const auto code = run(r);
    std::uint8_t* codes = out.codes.data() + r * 32;
    for (int i = 0; i < 32; ++i) codes[i] = static_cast<std::uint8_t>(code(i));
  }
}

void read_k_block(DType dtype, Bytes b, CodedBlock& out) {
  switch (dtype) {
    case DType::q2_k:
      fill_codes(out, [&](int r) { return [low = RunBits::of_crumbs(b + 16, r)](int i) { return low(i) & 3; }; });
      std::copy_n(b, 16, out.narrow.begin());
      out.wide = {load_u16(b + 80), load_u16(b + 82)};
      break;
    case DType::q3_k:
      fill_codes(out, [&](int r) {
        return [b, r, low = RunBits::of_crumbs(b + 32, r)](int i) { return (low(i) & 3) | (b[i] >> r & 1) << 2; };
      });
      for (int i = 0; i < 16; ++i) {
        const int low = b[96 + i % 8] >> (i / 8 * 4) & 15, high = b[104 + i % 4] >> (i / 4 * 2) & 3;
        out.narrow[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>((low | high << 4) - 32);
      }
      out.wide = {load_u16(b + 108), 0};
      break;
    case DType::q6_k:
      fill_codes(out, [&](int r) {
        // 64 bytes hold the low bits of four runs: of two below, of two above.
        const RunBits low{b + r / 4 * 64 + r % 2 * 32, r % 4 / 2 * 4}, high = RunBits::of_crumbs(b + 128, r);
        return [low, high](int i) { return (low(i) & 15) | (high(i) & 3) << 4; };
      });
      std::copy_n(b + 192, 16, out.narrow.begin());
      out.wide = {load_u16(b + 208), 0};
      break;
    case DType::q5_k:
      fill_codes(out, [&](int r) {
        return
            [b, r, low = RunBits::of_nibbles(b + 48, r)](int i) { return (low(i) & 15) | (b[16 + i] >> r & 1) << 4; };
      });
      read_scale_mins(b + 4, out);
      out.wide = {load_u16(b), load_u16(b + 2)};
      break;
    default:  // q4_k
      fill_codes(out, [&](int r) { return [low = RunBits::of_nibbles(b + 16, r)](int i) { return low(i) & 15; }; });
      read_scale_mins(b + 4, out);
      out.wide = {load_u16(b), load_u16(b + 2)};
  }
}

/// The codes of 16 rows in one group.
std::array<QuadVector, kGroup / 4> quads_of_group(const std::array<CodedBlock, kPanelRows>& rows, std::int64_t group) {
  std::array<QuadVector, kGroup / 4> quads;
  for (std::size_t r = 0; r < kPanelRows; ++r)
    for (std::size_t j = 0; j < quads.size(); ++j)
      std::memcpy(&quads[j][r], rows[r].codes.data() + group * kGroup + static_cast<std::int64_t>(j) * 4, 4);
  return quads;
}

/// Fields of 16 rows; packed, four of them are a quad.
void store_narrow_fields(const IntegerKind& kind, const std::array<CodedBlock, kPanelRows>& rows, std::int64_t groups,
                         std::byte* out) {
  std::array<QuadVector, 4> quads;
  auto* byte = kind.narrow_bits() == 8 ? out : reinterpret_cast<std::byte*>(quads.data());
  for (int field = 0; field < kind.narrow_fields(groups); ++field)
    for (const auto& row : rows) *byte++ = static_cast<std::byte>(row.narrow[static_cast<std::size_t>(field)]);
  if (kind.narrow_bits() < 8) pack_quads(kind.narrow_bits(), quads, out);
}

}  // namespace

std::optional<PanelKind> integer_kind_of(DType dtype) {
  switch (dtype) {
    case DType::q4_0:
      return PanelKind::u4;
    case DType::q4_1:
      return PanelKind::u4_offset;
    case DType::q5_0:
      return PanelKind::u5;
    case DType::q5_1:
      return PanelKind::u5_offset;
    case DType::q8_0:
      return PanelKind::u8;
    case DType::iq4_nl:
      return PanelKind::iq4_nl;
    case DType::mxfp4:
      return PanelKind::mxfp4;
    case DType::q2_k:
      return PanelKind::u2_k;
    case DType::q3_k:
      return PanelKind::u3_k;
    case DType::q4_k:
      return PanelKind::u4_k;
    case DType::q5_k:
      return PanelKind::u5_k;
    case DType::q6_k:
      return PanelKind::u6_k;
    case DType::bfp8:
      return PanelKind::bfp8;
    case DType::bfp4:
      return PanelKind::bfp4;
    default:
      return std::nullopt;
  }
}

std::size_t PanelLayout::panel_bytes() const {
  const auto k = static_cast<std::size_t>(cols);
  switch (kind) {
    case PanelKind::f32:
      return k * kPanelRows * 4;
    case PanelKind::f16:
      return k == 0 ? 0 : f16_column_at(cols - 1) + kPanelRows * 2;
    case PanelKind::bf16:
      return (k + 1) / 2 * kPanelRows * 4;
    case PanelKind::bf16_coded:
      return coded_bf16_bytes(cols);
    default:
      break;
  }
  const IntegerKind integer = integer_kind(kind);
  const std::int64_t rest = groups() % kBlockGroups;
  return static_cast<std::size_t>(groups() / kBlockGroups) * integer.block_bytes(kBlockGroups) +
         (rest > 0 ? integer.block_bytes(rest) : 0);
}

void read_coded_block(DType dtype, std::span<const std::byte> row, std::int64_t first, std::int64_t groups,
                      CodedBlock& out) {
  const auto& format = info(dtype);
  const auto* bytes = reinterpret_cast<Bytes>(row.data());
  const auto from = static_cast<std::size_t>(first), count = static_cast<std::size_t>(groups);
  if (format.block_size == kBlockCols) {
    read_k_block(dtype, bytes + from / kBlockGroups * format.block_bytes, out);
  } else if (format.block_size == kGroup) {
    for (std::size_t g = 0; g < count; ++g) read_group(dtype, bytes + (from + g) * format.block_bytes, g, out);
  } else {
    const std::size_t halves = std::min(2 * count, row.size() / format.block_bytes - 2 * from);
    for (std::size_t half = 0; half < halves; ++half)
      read_half_group(dtype, bytes + (2 * from + half) * format.block_bytes, half, out);
  }
}

void store_blocks(const IntegerKind& kind, const std::array<CodedBlock, kPanelRows>& rows, std::int64_t groups,
                  std::byte* block) {
  for (int field = 0; field < kind.wide_fields(groups); ++field)
    for (const auto& row : rows) {
      std::memcpy(block, &row.wide[static_cast<std::size_t>(field)], 2);
      block += 2;
    }
  store_narrow_fields(kind, rows, groups, block);
  block += kind.narrow_bytes(groups);
  for (std::int64_t g = 0; g < groups; ++g, block += kind.code_bytes())
    pack_quads(kind.bits, quads_of_group(rows, g), block);
}

CodedBlock load_block(const IntegerKind& kind, const std::byte* block, std::int64_t groups, int row) {
  CodedBlock result{};
  for (int field = 0; field < kind.wide_fields(groups); ++field, block += 2 * kPanelRows)
    result.wide[static_cast<std::size_t>(field)] = load_u16(block + 2 * row);
  for (int field = 0; field < kind.narrow_fields(groups); ++field)
    unpack_bytes(kind.narrow_bits(), block, field / 4, field % 4 * kPanelRows + row,
                 std::span(result.narrow).subspan(static_cast<std::size_t>(field), 1));
  block += kind.narrow_bytes(groups);
  for (std::int64_t g = 0; g < groups; ++g, block += kind.code_bytes())
    for (int quad = 0; quad < kGroup / 4; ++quad)
      unpack_bytes(kind.bits, block, quad, row * 4,
                   std::span(result.codes).subspan(static_cast<std::size_t>(g * kGroup + quad * 4), 4));
  return result;
}

void decode_block(PanelKind panel_kind, const CodedBlock& block, std::int64_t groups, float* out) {
  const IntegerKind kind = integer_kind(panel_kind);
  const float d = f16_to_f32(block.wide[0]), dmin = f16_to_f32(block.wide[1]);
  for (std::size_t i = 0; i < static_cast<std::size_t>(groups * kGroup); ++i) {
    const std::size_t g = i / kGroup, half = i / 16;
    float scale = 0, offset = 0;
    switch (kind.scales) {
      case Scales::f16:
        scale = f16_to_f32(block.wide[g]);
        break;
      case Scales::f16_offset:
        scale = f16_to_f32(block.wide[2 * g]), offset = f16_to_f32(block.wide[2 * g + 1]);
        break;
      case Scales::e8m0:
        scale = std::ldexp(1.0f, block.narrow[g] - 128);
        break;
      case Scales::e8m0_16:
        scale = std::ldexp(1.0f, block.narrow[half] - 126 - kind.zero_log2);
        break;
      case Scales::k32_offset:
        scale = d * block.narrow[2 * g], offset = -(dmin * block.narrow[2 * g + 1]);
        break;
      case Scales::k16:
        scale = d * static_cast<float>(static_cast<std::int8_t>(block.narrow[half]));
        break;
      case Scales::k16_offset:
        scale = d * static_cast<float>(block.narrow[half] & 15),
        offset = -(dmin * static_cast<float>(block.narrow[half] >> 4));
        break;
    }
    const int code = kind.table != nullptr ? (*kind.table)[block.codes[i]] : block.codes[i];
    out[i] =
        kind.has_offset() ? scale * static_cast<float>(code) + offset : scale * static_cast<float>(code - kind.zero());
  }
}

}  // namespace ttt::cpu
