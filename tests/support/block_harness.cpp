#include "block_harness.h"

#include <cmath>

namespace ttt::test {

BlockHarness::BlockHarness(Precision precision, std::vector<CacheLayerSpec> layers, std::int64_t max_tokens)
    : device_(Device::open(DeviceConfig::auto_detect(), {.threads = 2, .precision = precision, .log = silent_log()})),
      cache_({.layers = std::move(layers), .max_tokens = max_tokens, .dtype = DType::f32}, *device_),
      sequence_(cache_.create()),
      step_(cache_, *device_) {}

Step& BlockHarness::step(std::size_t tokens) {
  step_.clear();
  step_.add(sequence_, std::vector<std::int32_t>(tokens, 0), LogitRows::none);
  return step_;
}

void set_spread(testing::MemoryWeights& weights, std::string name, const Shape& shape, std::uint64_t seed,
                float deviation, float mean) {
  const float half_width = std::sqrt(3.0f) * deviation;
  std::vector<float> values(static_cast<std::size_t>(shape.count()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint64_t z = (seed << 40) + (i + 1) * 0x9e3779b97f4a7c15u;  // splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    values[i] = mean + half_width * static_cast<float>(static_cast<std::int64_t>(z) >> 40) * 0x1p-23f;
  }
  weights.set(std::move(name), Tensor::from<float>(values, shape));
}

Rows to_rows(std::span<const float> values, std::size_t cols) {
  Rows rows;
  for (std::size_t i = 0; i < values.size(); i += cols)
    rows.emplace_back(values.begin() + i, values.begin() + i + cols);
  return rows;
}

std::vector<float> flatten(const Rows& rows) {
  std::vector<float> values;
  for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
  return values;
}

}  // namespace ttt::test
