#include "ttt/core/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ttt/core/error.h"

namespace ttt::inline v2 {

Shape::Shape(std::initializer_list<std::int64_t> dims)
    : Shape(std::span<const std::int64_t>(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const std::int64_t> dims) {
  if (dims.size() > kMaxRank) throw Error("Shape", fmt::format("rank {} is more than {}", dims.size(), kMaxRank));
  for (const auto dim : dims) {
    if (dim < 0) throw Error("Shape", fmt::format("negative dimension {}", dim));
    dims_[static_cast<std::size_t>(rank_++)] = dim;
  }
}

std::optional<std::int64_t> Shape::checked_count() const {
  std::int64_t product = 1;
  for (const auto dim : dims())
    if (__builtin_mul_overflow(product, dim, &product)) return std::nullopt;
  return product;
}

std::int64_t Shape::count() const {
  if (const auto count = checked_count()) return *count;
  throw Error("Shape", fmt::format("{} has more elements than an int64 can count", str()));
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(dims(), ", ")); }

}  // namespace ttt::inline v2
