#pragma once
#include <cmath>
#include <memory>
#include <string>

#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/building_blocks/normalization/rms_norm.h"
#include "ttt/patterns/causal_lm.h"
#include "ttt/patterns/pre_norm_layer.h"
#include "ttt/testing/memory_weights.h"

namespace ttt::test {

/// Two layers of random weights over a vocabulary of 61, in exact precision.
class TinyModel {
 public:
  TinyModel()
      : device_(Device::open(DeviceConfig::auto_detect(),
                             {.threads = 2, .precision = Precision::exact, .log = silent_log()})),
        model_(build(*device_)) {}

  Device& device() { return *device_; }
  CausalLM& model() { return model_; }
  KvCache make_cache(std::int64_t tokens, int max_step_tokens = 512) {
    return KvCache({.layers = model_.cache_layers(),
                    .max_tokens = tokens,
                    .dtype = DType::f32,
                    .max_step_tokens = max_step_tokens},
                   *device_);
  }

 private:
  static constexpr int kVocab = 61, kHidden = 32, kInner = 48, kHeads = 4, kKvHeads = 2, kHeadDim = 8, kLayers = 2;

  static Weights random_weights() {
    auto weights = std::make_shared<testing::MemoryWeights>();
    std::uint64_t seed = 0;
    const auto add = [&](const std::string& name, const Shape& shape) {
      weights->set_random(name + ".weight", shape, ++seed, shape.rank() == 1 ? 0.1f : 0.3f,
                          shape.rank() == 1 ? 1.0f : 0.0f);
    };
    for (int i = 0; i < kLayers; ++i) {
      const auto layer = std::to_string(i);
      add(layer + ".attention_norm", {kHidden});
      add(layer + ".attention.q_proj", {kHeads * kHeadDim, kHidden});
      add(layer + ".attention.k_proj", {kKvHeads * kHeadDim, kHidden});
      add(layer + ".attention.v_proj", {kKvHeads * kHeadDim, kHidden});
      add(layer + ".attention.o_proj", {kHidden, kHeads * kHeadDim});
      add(layer + ".ffn_norm", {kHidden});
      add(layer + ".ffn.gate_proj", {kInner, kHidden});
      add(layer + ".ffn.up_proj", {kInner, kHidden});
      add(layer + ".ffn.down_proj", {kHidden, kInner});
    }
    add("embedding", {kVocab, kHidden});
    add("norm", {kHidden});
    add("head", {kVocab, kHidden});
    return Weights(weights);
  }

  static CausalLM build(Device& device) {
    const auto w = random_weights();
    const RMSNorm::Config norm{.size = kHidden, .eps = 1e-5f};
    const GroupedQueryAttention::Config attention{.hidden_size = kHidden,
                                                  .num_heads = kHeads,
                                                  .num_kv_heads = kKvHeads,
                                                  .head_dim = kHeadDim,
                                                  .scale = 1.0f / std::sqrt(static_cast<float>(kHeadDim)),
                                                  .mask = Mask::causal(),
                                                  .rope = RotaryEmbedding({.dim = kHeadDim, .theta = 10000.0})};
    const GatedFFN::Config ffn{.hidden_size = kHidden, .intermediate_size = kInner, .activation = Activation::silu};
    DecoderStack layers;
    for (int i = 0; i < kLayers; ++i) {
      const auto l = w / i;
      layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
          .attention_norm = {norm, l / "attention_norm", device},
          .attention = {attention, l / "attention", device, CacheLayer{i}},
          .ffn_norm = {norm, l / "ffn_norm", device},
          .ffn = {ffn, l / "ffn", device}});
    }
    return {.embedding = Embedding({.vocab_size = kVocab, .hidden_size = kHidden}, w / "embedding", device),
            .positions = {},
            .layers = std::move(layers),
            .norm = RMSNorm(norm, w / "norm", device),
            .head = LMHead({.hidden_size = kHidden, .vocab_size = kVocab}, w / "head", device)};
  }

  std::unique_ptr<Device> device_;
  CausalLM model_;
};

}  // namespace ttt::test
