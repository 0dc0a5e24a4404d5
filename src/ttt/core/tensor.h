#pragma once
#include <cstddef>
#include <memory>
#include <span>

#include "ttt/core/dtype.h"
#include "ttt/core/shape.h"

namespace ttt::inline v2 {

/// An immutable, contiguous, row-major array in host memory that shares ownership of its bytes
/// (memory or a mapped file). Copies are cheap. May be *without data* (`has_data()` false):
/// shape and dtype alone, for planning. Data from files may be unaligned: read plain values with
/// `to_f32` or memcpy, or `values<T>()` which checks.
class Tensor {
 public:
  Tensor() = default;
  /// Bytes owned by `data`; their count must be what dtype and shape need. Throws ttt::Error if not.
  Tensor(DType dtype, Shape shape, std::shared_ptr<const std::byte> data, std::size_t bytes);

  /// Shape and dtype without data.
  static Tensor without_data(DType dtype, Shape shape);
  /// A copy of `values`.
  template <class T>
  static Tensor from(std::span<const T> values, Shape shape);
  /// Uninitialised, 64-byte aligned memory, given to `fill` (a callable on std::span<std::byte>) once.
  template <class Fill>
  static Tensor make(DType dtype, Shape shape, Fill&& fill) {
    std::shared_ptr<std::byte> data;
    const auto bytes = allocate(dtype, shape, data);
    fill(std::span<std::byte>(data.get(), bytes));
    return Tensor(dtype, shape, std::move(data), bytes);
  }

  DType dtype() const { return dtype_; }                                      ///< of the elements, or of their blocks
  const Shape& shape() const { return shape_; }                               ///< outermost first, in elements
  bool has_data() const { return data_ != nullptr; }                          ///< false: shape and dtype alone
  std::span<const std::byte> bytes() const { return {data_.get(), bytes_}; }  ///< empty without data
  const std::shared_ptr<const std::byte>& data() const { return data_; }      ///< shared with copies and views

  /// The elements as T; throws ttt::Error if T is not the dtype's type or the data is unaligned.
  template <class T>
  std::span<const T> values() const;

  /// Bytes that `shape` of `dtype` needs (rows are whole blocks); throws ttt::Error on overflow or a
  /// last dimension that is not a multiple of the block size.
  static std::size_t bytes_for(DType dtype, const Shape& shape);

 private:
  static std::size_t allocate(DType dtype, const Shape& shape, std::shared_ptr<std::byte>& data);

  DType dtype_ = DType::f32;
  Shape shape_{0};
  std::shared_ptr<const std::byte> data_;
  std::size_t bytes_ = 0;
};

/// The dtype whose elements are T.
template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::i8;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}

}  // namespace ttt::inline v2
