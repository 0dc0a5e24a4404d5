// error: no matching function for call|no matching constructor
#include "ttt/building_blocks/attention/gqa.h"

// A bare number in that place could be any of a block's sizes.
ttt::GroupedQueryAttention make(const ttt::GroupedQueryAttention::Config& config, const ttt::Weights& weights,
                                ttt::Device& device) {
#ifdef CONTROL
  return ttt::GroupedQueryAttention(config, weights, device, ttt::CacheLayer{3});
#else
  return ttt::GroupedQueryAttention(config, weights, device, 3);
#endif
}
