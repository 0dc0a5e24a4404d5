#pragma once
#include <vector>

#include "panel_layout.h"
#include "ttt/ops/packed_matrix.h"

namespace ttt::cpu {

/// Weights in panels of 16 rows, each contiguous: the layout that the CPU's kernels stream. Parts stored in different
/// formats (a fused q, k, v of mixed precision) make sections, each in its own kind.
class CpuPackedMatrix final : public ops::PackedMatrix {
 public:
  struct Section {
    PanelLayout layout;
    std::int64_t first_row;
    std::shared_ptr<const std::byte> data;
    const std::byte* panel(std::int64_t i) const {
      return data.get() + static_cast<std::size_t>(i) * layout.panel_bytes();
    }
  };

  CpuPackedMatrix(std::vector<Section> sections, DType format);

  std::int64_t rows() const override { return sections_.back().first_row + sections_.back().layout.rows; }
  std::int64_t cols() const override { return sections_.front().layout.cols; }
  std::size_t bytes() const override;
  DType format() const override { return format_; }
  void unpack_row(std::int64_t row, std::span<float> out) const override;

  std::span<const Section> sections() const { return sections_; }

 private:
  std::vector<Section> sections_;
  DType format_;
};

/// The kernel of ops::PackMatrix.
std::shared_ptr<const ops::PackedMatrix> pack_matrix(Device& device, const ops::PackMatrix::Args& args);

}  // namespace ttt::cpu
