#include "ttt/ops/packed_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/ops/shape_check.h"

namespace ttt::inline v2::ops {
namespace {

/// The tensors as they are stored, one below the other.
class StoredMatrix final : public PackedMatrix {
 public:
  explicit StoredMatrix(std::vector<Tensor> parts) : parts_(std::move(parts)) {
    for (const auto& part : parts_) rows_ += part.shape()[0];
  }
  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return parts_.front().shape()[1]; }
  std::size_t bytes() const override {
    std::size_t total = 0;
    for (const auto& part : parts_) total += Tensor::bytes_for(part.dtype(), part.shape());
    return total;
  }
  DType format() const override { return parts_.front().dtype(); }
  void unpack_row(std::int64_t row, std::span<float> out) const override {
    auto part = parts_.begin();
    for (; row >= part->shape()[0]; ++part) row -= part->shape()[0];
    const auto bytes = part->bytes().size() / static_cast<std::size_t>(part->shape()[0]);
    dequantize(part->dtype(), part->bytes().subspan(static_cast<std::size_t>(row) * bytes, bytes), out);
  }

 private:
  std::vector<Tensor> parts_;
  std::int64_t rows_ = 0;
};

}  // namespace

void PackMatrix::check(const Args& a) {
  expect_count(name, "tensors to pack, at least one of them", a.parts.empty(), 0);
  for (const auto& part : a.parts) {
    expect_count(name, "dimensions", static_cast<std::int64_t>(part.shape().rank()), 2);
    expect_count(name, "columns", part.shape()[1], a.parts.front().shape()[1]);
  }
}

std::shared_ptr<const PackedMatrix> PackMatrix::reference(Device&, const Args& args) {
  return std::make_shared<StoredMatrix>(std::vector<Tensor>(args.parts.begin(), args.parts.end()));
}

}  // namespace ttt::inline v2::ops
