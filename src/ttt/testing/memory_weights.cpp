#include "ttt/testing/memory_weights.h"

#include <cmath>
#include <numbers>
#include <random>

#include "ttt/core/error.h"

namespace ttt::inline v2::testing {

std::vector<float> random_values(std::size_t count, std::uint64_t seed, float deviation, float mean) {
  // std::normal_distribution differs between standard libraries; mt19937_64 does not.
  std::mt19937_64 bits(seed);
  const auto uniform = [&] { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; };
  std::vector<float> values(count);
  for (auto& v : values)
    v = mean + deviation *
                   static_cast<float>(std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()));
  return values;
}

const Tensor& MemoryWeights::set_random(std::string name, const Shape& shape, std::uint64_t seed, float deviation,
                                        float mean) {
  const auto values = random_values(static_cast<std::size_t>(shape.count()), seed, deviation, mean);
  return tensors_.insert_or_assign(std::move(name), Tensor::from<float>(values, shape)).first->second;
}

std::optional<WeightSource::Info> MemoryWeights::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return std::nullopt;
  return Info{found->second.dtype(), found->second.shape()};
}

Tensor MemoryWeights::load(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw WeightError("memory", "no tensor " + std::string(name));
  return found->second;
}

std::vector<std::string> MemoryWeights::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

}  // namespace ttt::inline v2::testing
