#pragma once
#include "ttt/ops/packed_matrix.h"

namespace ttt::cpu {

/// Output rows in a panel: they lie in vector lanes, so each output is one chain of additions over k in order, and its bits
/// depend neither on the number of tokens nor on tiling or threads.
constexpr int kPanelRows = 16;
constexpr int kGroup = 32;  ///< columns that share a scale in the integer kinds

/// How a panel stores its weights. In the integer kinds a group of 32 columns is [codes][16 scales][16 offsets], f16 each, and
/// means scale * (code - zero), or scale * code + offset.
enum class PanelKind {
  f32,          ///< [k][16] f32
  f16,          ///< [k][16] f16
  bf16,         ///< [k/2][16][2] bf16
  u4,           ///< two codes a byte: low nibbles columns 8j..8j+3, high nibbles 8j+4..8j+7, as [4][16 rows][4 columns]
  u4_offset,
  u8,           ///< [8][16 rows][4 columns]
  u8_offset,
};

/// Weights in panels of 16 rows, each contiguous: the layout that the CPU's kernels stream.
class CpuPackedMatrix final : public ops::PackedMatrix {
 public:
  struct Layout {
    PanelKind kind;
    int zero = 0;  ///< of u4 and u8
    std::int64_t rows, cols;
    std::int64_t groups() const { return (cols + kGroup - 1) / kGroup; }
    std::int64_t panels() const { return (rows + kPanelRows - 1) / kPanelRows; }
    std::size_t group_bytes() const;  ///< integer kinds
    std::size_t panel_bytes() const;
  };

  CpuPackedMatrix(Layout layout, DType format, std::shared_ptr<std::byte> data);

  std::int64_t rows() const override { return layout_.rows; }
  std::int64_t cols() const override { return layout_.cols; }
  std::size_t bytes() const override { return layout_.panel_bytes() * static_cast<std::size_t>(layout_.panels()); }
  DType format() const override { return format_; }
  void unpack_row(std::int64_t row, std::span<float> out) const override;

  const Layout& layout() const { return layout_; }
  const std::byte* panel(std::int64_t i) const { return data_.get() + static_cast<std::size_t>(i) * layout_.panel_bytes(); }

 private:
  Layout layout_;
  DType format_;
  std::shared_ptr<std::byte> data_;
};

inline bool is_integer(PanelKind kind) { return kind >= PanelKind::u4; }
inline bool has_offset(PanelKind kind) { return kind == PanelKind::u4_offset || kind == PanelKind::u8_offset; }
inline bool is_u4(PanelKind kind) { return kind == PanelKind::u4 || kind == PanelKind::u4_offset; }

/// The kernel of ops::PackMatrix.
std::shared_ptr<const ops::PackedMatrix> pack_matrix(Device& device, const ops::PackMatrix::Args& args);

}  // namespace ttt::cpu
