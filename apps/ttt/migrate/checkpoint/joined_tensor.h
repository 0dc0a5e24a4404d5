#pragma once
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "ttt/core/tensor.h"

namespace ttt::app {

/// A tensor of the converted checkpoint, made of the shards of another: written piece by piece, never held whole.
struct JoinedTensor {
  enum class Axis { rows, columns };

  std::string name;  ///< in Hugging Face's layout
  std::vector<Tensor> parts;
  Axis axis = Axis::rows;     ///< along which the parts lie one after the other
  std::int64_t head_dim = 0;  ///< above 0: rows of heads, whose rotary order is changed from pairs to halves

  DType dtype() const { return parts.front().dtype(); }
  Shape shape() const;
  std::uint64_t bytes() const;
  void write(std::ostream& out) const;
};

/// Row of Meta's order, in which the pairs that rotate together are neighbours, that is row `row` of Hugging Face's, in
/// which they are half a head apart.
std::int64_t interleaved_row(std::int64_t row, std::int64_t head_dim);

}  // namespace ttt::app
