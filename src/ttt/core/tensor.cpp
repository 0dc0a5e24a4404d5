#include "ttt/core/tensor.h"

#include <fmt/format.h>

#include <cstring>

#include "ttt/core/allocate.h"
#include "ttt/core/error.h"

namespace ttt::inline v2 {

Tensor::Tensor(DType dtype, Shape shape, std::shared_ptr<const std::byte> data, std::size_t bytes)
    : dtype_(dtype), shape_(shape), data_(std::move(data)), bytes_(bytes) {
  if (bytes != bytes_for(dtype, shape))
    throw Error("Tensor",
                fmt::format("{} {} needs {} bytes, got {}", shape.str(), name(dtype), bytes_for(dtype, shape), bytes));
}

Tensor Tensor::without_data(DType dtype, Shape shape) {
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = shape;
  return t;
}

std::size_t Tensor::bytes_for(DType dtype, const Shape& shape) {
  const auto count = static_cast<std::uint64_t>(shape.count());
  const auto row = shape.rank() == 0 ? 1 : static_cast<std::uint64_t>(shape[shape.rank() - 1]);
  const auto bytes = row_bytes(dtype, count);
  if (!bytes || !row_bytes(dtype, row))
    throw Error("Tensor", fmt::format("{} does not fill whole {} blocks of {}", shape.str(), name(dtype),
                                      info(dtype).block_size));
  return *bytes;
}

std::size_t Tensor::allocate(DType dtype, const Shape& shape, std::shared_ptr<std::byte>& data) {
  const auto bytes = bytes_for(dtype, shape);
  data = internal::allocate_bytes(bytes);
  return bytes;
}

template <class T>
Tensor Tensor::from(std::span<const T> values, Shape shape) {
  return make(dtype_of<T>(), shape, [&](std::span<std::byte> out) {
    if (out.size() != values.size_bytes())
      throw Error("Tensor", fmt::format("{} values for shape {}", values.size(), shape.str()));
    std::memcpy(out.data(), values.data(), out.size());
  });
}

template <class T>
std::span<const T> Tensor::values() const {
  if (dtype_ != dtype_of<T>())
    throw Error("Tensor", fmt::format("asked for {} but it holds {}", name(dtype_of<T>()), name(dtype_)));
  if (reinterpret_cast<std::uintptr_t>(data_.get()) % alignof(T) != 0)
    throw Error("Tensor", "unaligned data cannot be viewed in place");
  return {reinterpret_cast<const T*>(data_.get()), bytes_ / sizeof(T)};
}

template Tensor Tensor::from<float>(std::span<const float>, Shape);
template Tensor Tensor::from<double>(std::span<const double>, Shape);
template Tensor Tensor::from<std::int8_t>(std::span<const std::int8_t>, Shape);
template Tensor Tensor::from<std::int32_t>(std::span<const std::int32_t>, Shape);
template Tensor Tensor::from<std::int64_t>(std::span<const std::int64_t>, Shape);
template Tensor Tensor::from<std::uint8_t>(std::span<const std::uint8_t>, Shape);
template std::span<const float> Tensor::values<float>() const;
template std::span<const double> Tensor::values<double>() const;
template std::span<const std::int8_t> Tensor::values<std::int8_t>() const;
template std::span<const std::int32_t> Tensor::values<std::int32_t>() const;
template std::span<const std::int64_t> Tensor::values<std::int64_t>() const;
template std::span<const std::uint8_t> Tensor::values<std::uint8_t>() const;

}  // namespace ttt::inline v2
