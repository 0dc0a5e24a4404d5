#include "joined_tensor.h"

namespace ttt::app {
namespace {

std::int64_t columns(const Tensor& tensor) { return tensor.shape()[tensor.shape().rank() - 1]; }
std::int64_t rows(const Tensor& tensor) { return tensor.shape().rank() == 1 ? 1 : tensor.shape()[0]; }

void write_row(std::ostream& out, const Tensor& tensor, std::int64_t row) {
  const auto row_bytes = tensor.bytes().size() / static_cast<std::size_t>(rows(tensor));
  const auto bytes = tensor.bytes().subspan(static_cast<std::size_t>(row) * row_bytes, row_bytes);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

std::int64_t interleaved_row(std::int64_t row, std::int64_t head_dim) {
  const auto in_head = row % head_dim, half = head_dim / 2;
  return row - in_head + 2 * (in_head % half) + in_head / half;
}

Shape JoinedTensor::shape() const {
  if (parts.front().shape().rank() == 1) return parts.front().shape();
  std::int64_t sum = 0;
  for (const auto& part : parts) sum += axis == Axis::rows ? rows(part) : columns(part);
  return axis == Axis::rows ? Shape{sum, columns(parts.front())} : Shape{rows(parts.front()), sum};
}

std::uint64_t JoinedTensor::bytes() const { return Tensor::bytes_for(dtype(), shape()); }

void JoinedTensor::write(std::ostream& out) const {
  if (axis == Axis::columns) {
    for (std::int64_t row = 0; row < rows(parts.front()); ++row)
      for (const auto& part : parts) write_row(out, part, row);
    return;
  }
  for (const auto& part : parts)  // each holds whole heads
    for (std::int64_t row = 0; row < rows(part); ++row)
      write_row(out, part, head_dim > 0 ? interleaved_row(row, head_dim) : row);
}

}  // namespace ttt::app
