// error: no match|no matching|could not convert|no viable conversion|not implicitly
#include "ttt/building_blocks/ffn/gated_ffn.h"

// A block's config and its weights are apart: neither stands in for the other.
ttt::GatedFFN make(const ttt::GatedFFN::Config& config, const ttt::Weights& weights, ttt::Device& device) {
#ifdef CONTROL
  return ttt::GatedFFN(config, weights, device);
#else
  return ttt::GatedFFN(weights, config, device);
#endif
}
