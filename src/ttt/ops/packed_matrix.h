#pragma once
#include <memory>
#include <span>

#include "ttt/core/tensor.h"
#include "ttt/hardware/device.h"

namespace ttt::inline v2::ops {

/// A weight matrix [rows, cols] in the layout that a device's kernels stream; made once at load by `PackMatrix`.
/// `rows` are output features, `cols` input features.
class PackedMatrix {
 public:
  virtual ~PackedMatrix() = default;
  virtual std::int64_t rows() const = 0;  ///< output features
  virtual std::int64_t cols() const = 0;  ///< input features
  virtual std::size_t bytes() const = 0;  ///< device memory held
  virtual DType format() const = 0;       ///< what the weights were stored as
  /// Row `row` in f32, exactly as dequantised from the stored format.
  virtual void unpack_row(std::int64_t row, std::span<float> out) const = 0;
};

/// Packs rank-2 tensors of equal `cols`, one below the other, for `Linear`, `GatedLinear` and `Embed`. Tensors without
/// data give a PackedMatrix that knows its sizes only.
struct PackMatrix {
  static constexpr std::string_view name = "pack_matrix";
  struct Args {
    std::span<const Tensor> parts;  ///< [rows, cols] each, of one number of cols
  };
  using Kernel = std::shared_ptr<const PackedMatrix>(Device&, const Args&);
  static std::shared_ptr<const PackedMatrix> reference(Device&, const Args&);
  static void check(const Args&);
};

}  // namespace ttt::inline v2::ops
