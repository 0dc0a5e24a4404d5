#include "packed_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "cpu_device.h"
#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"

namespace ttt::cpu {
namespace {

using Layout = CpuPackedMatrix::Layout;
constexpr std::size_t kPairBytes = kPanelRows * sizeof(std::uint16_t);

/// Where a group's code for (row, column) lies: byte and shift.
std::pair<std::size_t, int> code_at(PanelKind kind, int row, int column) {
  const auto lane = static_cast<std::size_t>(row * 4 + column % 4);
  if (is_u4(kind)) return {static_cast<std::size_t>(column / 8 * 64) + lane, column / 4 % 2 * 4};
  return {static_cast<std::size_t>(column / 4 * 64) + lane, 0};
}

std::size_t code_bytes(PanelKind kind) { return is_u4(kind) ? kGroup * kPanelRows / 2 : kGroup * kPanelRows; }

std::uint16_t load_u16(const std::byte* p) {
  std::uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

/// One block of 32 in codes, with its scale and offset as stored (f16 bits).
struct CodedBlock {
  std::array<std::uint8_t, kGroup> codes;
  std::uint16_t scale, offset = 0;
};

CodedBlock read_block(DType dtype, const std::byte* block) {
  CodedBlock result{{}, load_u16(block), 0};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(block[i]); };
  if (dtype == DType::q8_0) {
    for (std::size_t i = 0; i < kGroup; ++i) result.codes[i] = static_cast<std::uint8_t>(byte(2 + i) ^ 0x80u);
    return result;
  }
  const bool offset = dtype == DType::q4_1 || dtype == DType::q5_1, fifth = dtype == DType::q5_0 || dtype == DType::q5_1;
  if (offset) result.offset = load_u16(block + 2);
  const std::size_t high = offset ? 4 : 2, low = high + (fifth ? 4 : 0);
  std::uint32_t high_bits = 0;
  if (fifth) std::memcpy(&high_bits, block + high, sizeof high_bits);
  for (unsigned i = 0; i < kGroup; ++i) {
    const unsigned nibble = i < 16 ? byte(low + i) & 15u : byte(low + i - 16) >> 4;
    result.codes[i] = static_cast<std::uint8_t>(nibble | ((high_bits >> i & 1u) << 4));
  }
  return result;
}

/// The integer kind that holds a format without loss, and its zero.
std::optional<std::pair<PanelKind, int>> integer_kind(DType dtype) {
  switch (dtype) {
    case DType::q4_0: return {{PanelKind::u4, 8}};
    case DType::q4_1: return {{PanelKind::u4_offset, 0}};
    case DType::q5_0: return {{PanelKind::u8, 16}};
    case DType::q5_1: return {{PanelKind::u8_offset, 0}};
    case DType::q8_0: return {{PanelKind::u8, 128}};
    default: return std::nullopt;
  }
}

Layout choose_layout(std::span<const Tensor> parts, bool exact) {
  Layout layout{PanelKind::f32, 0, 0, parts.front().shape()[1]};
  bool same = true;
  for (const auto& part : parts) {
    if (part.shape().rank() != 2 || part.shape()[1] != layout.cols)
      throw WeightError("pack_matrix", "parts must be matrices of equal width");
    layout.rows += part.shape()[0];
    same = same && part.dtype() == parts.front().dtype();
  }
  const DType dtype = parts.front().dtype();
  const auto integer = integer_kind(dtype);
  if (same && integer) {
    std::tie(layout.kind, layout.zero) = *integer;
  } else if (same && dtype == DType::bf16) {
    layout.kind = PanelKind::bf16;
  } else if (same && dtype == DType::f16) {
    layout.kind = PanelKind::f16;
  } else if (!exact && !std::ranges::any_of(parts, [](const Tensor& t) { return t.dtype() == DType::f32 || t.dtype() == DType::bf16; })) {
    layout.kind = PanelKind::f16;  // formats without an integer kind of their own: f16 holds their values to 2^-11
  }
  return layout;
}

void put_integer(const Layout& l, std::byte* panel, int lane, DType dtype, const std::byte* row) {
  const std::size_t block_bytes = info(dtype).block_bytes;
  for (std::int64_t g = 0; g < l.groups(); ++g) {
    std::byte* group = panel + static_cast<std::size_t>(g) * l.group_bytes();
    const CodedBlock block = read_block(dtype, row + static_cast<std::size_t>(g) * block_bytes);
    for (int c = 0; c < kGroup; ++c) {
      const auto [at, shift] = code_at(l.kind, lane, c);
      group[at] |= static_cast<std::byte>(block.codes[static_cast<std::size_t>(c)] << shift);
    }
    std::byte* scales = group + code_bytes(l.kind) + static_cast<std::size_t>(lane) * sizeof(std::uint16_t);
    std::memcpy(scales, &block.scale, sizeof block.scale);
    if (has_offset(l.kind)) std::memcpy(scales + kPairBytes, &block.offset, sizeof block.offset);
  }
}

void put_floats(const Layout& l, std::byte* panel, int lane, std::span<const float> row) {
  for (std::size_t k = 0; k < row.size(); ++k) {
    const std::size_t lane_index = static_cast<std::size_t>(lane);
    if (l.kind == PanelKind::f32) {
      std::memcpy(panel + (k * kPanelRows + lane_index) * 4, &row[k], 4);
    } else if (l.kind == PanelKind::f16) {
      const std::uint16_t bits = f32_to_f16(row[k]);
      std::memcpy(panel + (k * kPanelRows + lane_index) * 2, &bits, 2);
    } else {
      const std::uint16_t bits = f32_to_bf16(row[k]);
      std::memcpy(panel + ((k / 2 * kPanelRows + lane_index) * 2 + k % 2) * 2, &bits, 2);
    }
  }
}

/// Packs one panel; rows beyond the matrix stay zero.
void pack_panel(const Layout& l, std::span<const Tensor> parts, std::int64_t index, std::byte* panel) {
  std::memset(panel, 0, l.panel_bytes());
  std::vector<float> values(static_cast<std::size_t>(l.cols));
  for (int lane = 0; lane < kPanelRows; ++lane) {
    std::int64_t row = index * kPanelRows + lane;
    if (row >= l.rows) return;
    auto part = parts.begin();
    for (; row >= part->shape()[0]; ++part) row -= part->shape()[0];
    const std::size_t row_size = part->bytes().size() / static_cast<std::size_t>(part->shape()[0]);
    const auto source = part->bytes().subspan(static_cast<std::size_t>(row) * row_size, row_size);
    if (is_integer(l.kind)) {
      put_integer(l, panel, lane, part->dtype(), source.data());
    } else {
      dequantize(part->dtype(), source, values);
      put_floats(l, panel, lane, values);
    }
  }
}

}  // namespace

std::size_t Layout::group_bytes() const { return code_bytes(kind) + kPairBytes * (has_offset(kind) ? 2 : 1); }

std::size_t Layout::panel_bytes() const {
  const auto k = static_cast<std::size_t>(cols);
  switch (kind) {
    case PanelKind::f32: return k * kPanelRows * 4;
    case PanelKind::f16: return k * kPanelRows * 2;
    case PanelKind::bf16: return (k + 1) / 2 * kPanelRows * 4;
    default: return static_cast<std::size_t>(groups()) * group_bytes();
  }
}

CpuPackedMatrix::CpuPackedMatrix(Layout layout, DType format, std::shared_ptr<std::byte> data)
    : layout_(layout), format_(format), data_(std::move(data)) {}

void CpuPackedMatrix::unpack_row(std::int64_t row, std::span<float> out) const {
  const std::byte* p = panel(row / kPanelRows);
  const auto lane = static_cast<std::size_t>(row % kPanelRows);
  for (std::size_t k = 0; k < out.size(); ++k) {
    switch (layout_.kind) {
      case PanelKind::f32: std::memcpy(&out[k], p + (k * kPanelRows + lane) * 4, 4); break;
      case PanelKind::f16: out[k] = f16_to_f32(load_u16(p + (k * kPanelRows + lane) * 2)); break;
      case PanelKind::bf16: out[k] = bf16_to_f32(load_u16(p + ((k / 2 * kPanelRows + lane) * 2 + k % 2) * 2)); break;
      default: {
        const std::byte* group = p + k / kGroup * layout_.group_bytes();
        const auto [at, shift] = code_at(layout_.kind, static_cast<int>(lane), static_cast<int>(k % kGroup));
        const int code = static_cast<int>(group[at]) >> shift & (is_u4(layout_.kind) ? 15 : 255);
        const std::byte* scales = group + code_bytes(layout_.kind) + lane * 2;
        const float scale = f16_to_f32(load_u16(scales));
        out[k] = has_offset(layout_.kind) ? std::fma(scale, static_cast<float>(code), f16_to_f32(load_u16(scales + kPairBytes)))
                                          : scale * static_cast<float>(code - layout_.zero);
      }
    }
  }
}

std::shared_ptr<const ops::PackedMatrix> pack_matrix(Device& device, const ops::PackMatrix::Args& args) {
  auto& cpu = cpu_device(device);
  std::vector<Tensor> parts;
  for (const auto& part : args.parts) parts.push_back(args.format ? ops::in_format(part, *args.format) : part);
  const Layout layout = choose_layout(parts, cpu.exact());
  std::shared_ptr<std::byte> data;
  if (parts.front().has_data()) {
    data = device.allocate(layout.panel_bytes() * static_cast<std::size_t>(layout.panels()));
    cpu.pool().run(layout.panels(), [&](std::int64_t i) {
      pack_panel(layout, parts, i, data.get() + static_cast<std::size_t>(i) * layout.panel_bytes());
    });
  }
  return std::make_shared<CpuPackedMatrix>(layout, parts.front().dtype(), std::move(data));
}

}  // namespace ttt::cpu
