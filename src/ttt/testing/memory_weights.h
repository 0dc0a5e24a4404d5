#pragma once
#include <map>
#include <string>

#include "ttt/formats/weights.h"

namespace ttt::inline v2::testing {

/// A checkpoint in memory, for tests.
class MemoryWeights : public WeightSource {
 public:
  /// Adds a tensor, or replaces the one of that name.
  void set(std::string name, Tensor tensor) { tensors_.insert_or_assign(std::move(name), std::move(tensor)); }
  /// f32 values, normal with the given mean and deviation, the same for the same seed everywhere.
  const Tensor& set_random(std::string name, const Shape& shape, std::uint64_t seed, float deviation,
                           float mean = 0.0f);

  std::optional<Info> find(std::string_view name) const override;
  Tensor load(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string where() const override { return "memory"; }

 private:
  std::map<std::string, Tensor, std::less<>> tensors_;
};

/// Normal f32 values, the same for the same seed on every platform.
std::vector<float> random_values(std::size_t count, std::uint64_t seed, float deviation = 1.0f, float mean = 0.0f);

}  // namespace ttt::inline v2::testing
