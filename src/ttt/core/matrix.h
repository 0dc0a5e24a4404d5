#pragma once
#include <cstdint>

namespace ttt::inline v2 {

/// Non-owning view of f32 activations in a device's memory: `rows` x `cols`, row-major, rows `stride`
/// elements apart. T is `float` or `const float`.
template <class T>
struct BasicMatrix {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;

  BasicMatrix() = default;
  BasicMatrix(T* data, std::int64_t rows, std::int64_t cols) : BasicMatrix(data, rows, cols, cols) {}
  BasicMatrix(T* data, std::int64_t rows, std::int64_t cols, std::int64_t stride)
      : data(data), rows(rows), cols(cols), stride(stride) {}

  T* row(std::int64_t i) const { return data + i * stride; }
  BasicMatrix row_range(std::int64_t first, std::int64_t count) const { return {row(first), count, cols, stride}; }
  BasicMatrix col_range(std::int64_t first, std::int64_t count) const { return {data + first, rows, count, stride}; }
  operator BasicMatrix<const T>() const { return {data, rows, cols, stride}; }
};

using Matrix = BasicMatrix<float>;
using ConstMatrix = BasicMatrix<const float>;

}  // namespace ttt::inline v2
