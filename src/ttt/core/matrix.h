#pragma once
#include <cstdint>

namespace ttt::inline v2 {

/// Non-owning view of f32 activations in a device's memory: `rows` x `cols`, row-major, rows `stride`
/// elements apart. T is `float` or `const float`.
template <class T>
struct BasicMatrix {
  T* data = nullptr;        ///< element (0, 0); null for an empty view
  std::int64_t rows = 0;    ///< tokens, mostly
  std::int64_t cols = 0;    ///< elements of a row
  std::int64_t stride = 0;  ///< elements from a row's start to the next one's, at least `cols`

  BasicMatrix() = default;
  /// Rows one right after the other.
  BasicMatrix(T* data, std::int64_t rows, std::int64_t cols) : BasicMatrix(data, rows, cols, cols) {}
  /// Rows `stride` elements apart.
  BasicMatrix(T* data, std::int64_t rows, std::int64_t cols, std::int64_t stride)
      : data(data), rows(rows), cols(cols), stride(stride) {}

  T* row(std::int64_t i) const { return data + i * stride; }  ///< the first element of row i; i is not checked
  /// Rows [first, first + count) of the same memory.
  BasicMatrix row_range(std::int64_t first, std::int64_t count) const { return {row(first), count, cols, stride}; }
  /// Columns [first, first + count) of every row.
  BasicMatrix col_range(std::int64_t first, std::int64_t count) const { return {data + first, rows, count, stride}; }
  /// A view to write through is one to read through.
  operator BasicMatrix<const T>() const { return {data, rows, cols, stride}; }
};

/// Activations that are written.
using Matrix = BasicMatrix<float>;
/// Activations that are read.
using ConstMatrix = BasicMatrix<const float>;

}  // namespace ttt::inline v2
