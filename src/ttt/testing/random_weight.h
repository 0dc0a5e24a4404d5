#pragma once
#include "ttt/core/tensor.h"

namespace ttt::inline v2::testing {

/// A matrix [rows, cols] with random contents in any floating-point or block format: random codes, scales such that the
/// values are of the order of 0.1. The same for the same seed everywhere. Throws Error for integer dtypes.
Tensor random_weight(DType dtype, std::int64_t rows, std::int64_t cols, std::uint64_t seed);

}  // namespace ttt::inline v2::testing
