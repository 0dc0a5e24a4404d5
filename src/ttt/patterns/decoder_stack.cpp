#include "ttt/patterns/decoder_stack.h"

#include <algorithm>

namespace ttt::inline v2 {

void DecoderStack::forward(Matrix x, Step& step, const std::function<void(int, ConstMatrix)>& after_layer) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i]->forward(x, step);
    if (after_layer) after_layer(static_cast<int>(i), x);
  }
}

std::vector<CacheLayerSpec> DecoderStack::cache_layers() const {
  std::vector<CacheLayerSpec> all;
  for (const auto& layer : layers_) std::ranges::copy(layer->cache_layers(), std::back_inserter(all));
  return all;
}

std::uint64_t DecoderStack::weight_bytes() const {
  std::uint64_t total = 0;
  for (const auto& layer : layers_) total += layer->weight_bytes();
  return total;
}

std::int64_t DecoderStack::workspace_cols() const {
  std::int64_t most = 0;
  for (const auto& layer : layers_) most = std::max(most, layer->workspace_cols());
  return most;
}

}  // namespace ttt::inline v2
