#include "tiny.h"

#include <cmath>

#include "common/decoder_config.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace tiny {

// What version 1 asked with model_type == "llama" and is_galaxy is said once, here, in numbers.
ttt::PreNormLayer<ttt::RMSNorm, ttt::GroupedQueryAttention, ttt::GatedFFN> make_layer(const ttt::ConfigReader& c,
                                                                                      const ttt::Weights& w,
                                                                                      ttt::Device& device, int i) {
  const int hidden_size = c.dimension("hidden_size"), heads = c.dimension("num_attention_heads");
  const int head_dim = c.dimension("head_dim", hidden_size / heads);
  const ttt::GroupedQueryAttention::Config attention{
      .hidden_size = hidden_size,
      .num_heads = heads,
      .num_kv_heads = c.dimension("num_key_value_heads", heads),
      .head_dim = head_dim,
      .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
      .mask = ttt::Mask::causal(),
      .rope = ttt::RotaryEmbedding(ttt::read_rotary(c, {.head_dim = head_dim}))};
  const ttt::GatedFFN::Config ffn{.hidden_size = hidden_size,
                                  .intermediate_size = c.dimension("intermediate_size"),
                                  .activation = ttt::Activation::silu};
  const ttt::RMSNorm::Config norm{.size = hidden_size, .eps = static_cast<float>(c.number("rms_norm_eps"))};
  return {.attention_norm = {norm, w / "input_layernorm", device},
          .attention = {attention, w / "self_attn", device, ttt::CacheLayer{i}},
          .ffn_norm = {norm, w / "post_attention_layernorm", device},
          .ffn = {ffn, w / "mlp", device}};
}

}  // namespace tiny
