#include "block_harness.h"

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
