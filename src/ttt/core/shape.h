#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

namespace ttt::inline v2 {

/// The extents of a tensor, outermost first, at most `kMaxRank` of them, none negative.
class Shape {
 public:
  static constexpr int kMaxRank = 8;  ///< more dimensions are an error

  Shape() = default;  ///< rank 0: one element
  /// As {512, 2048}; throws as the other constructor does.
  Shape(std::initializer_list<std::int64_t> dims);
  /// Throws ttt::Error when the rank exceeds kMaxRank or a dim is negative.
  explicit Shape(std::span<const std::int64_t> dims);

  int rank() const { return rank_; }  ///< number of dimensions
  /// Extent of dimension i, which must be below rank().
  std::int64_t operator[](int i) const { return dims_[static_cast<std::size_t>(i)]; }
  /// Outermost first.
  std::span<const std::int64_t> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }

  /// Product of the dims, or nothing when it does not fit an int64.
  std::optional<std::int64_t> checked_count() const;
  /// Product of the dims; throws ttt::Error on overflow.
  std::int64_t count() const;

  std::string str() const;  ///< "[512, 2048]"
  /// Equal rank and dims.
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

}  // namespace ttt::inline v2
