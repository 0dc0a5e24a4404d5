#include "sample_decoder.h"

#include <ttt/building_blocks/attention/gqa.h>
#include <ttt/building_blocks/embeddings/rotary_config.h>
#include <ttt/building_blocks/ffn/activation_config.h>
#include <ttt/building_blocks/ffn/gated_ffn.h>
#include <ttt/formats/common_keys.h>
#include <ttt/patterns/pre_norm_layer.h>

#include <cmath>

using namespace ttt;

CausalLM load_sample_decoder(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind) {
  ignore_common_keys(config);
  const int hidden_size = config.dimension("hidden_size"), num_heads = config.dimension("num_attention_heads");
  const int head_dim = config.dimension("head_dim", hidden_size / num_heads);
  const GroupedQueryAttention::Config attention{.hidden_size = hidden_size,
                                                .num_heads = num_heads,
                                                .num_kv_heads = config.dimension("num_key_value_heads", num_heads),
                                                .head_dim = head_dim,
                                                .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
                                                .mask = Mask::causal(),
                                                .rope = RotaryEmbedding(read_rotary(config, {.head_dim = head_dim})),
                                                .qkv_bias = config.boolean("attention_bias", false),
                                                .output_bias = config.boolean("attention_bias", false)};
  const GatedFFN::Config ffn{.hidden_size = hidden_size,
                             .intermediate_size = config.dimension("intermediate_size"),
                             .activation = read_activation(config, "hidden_act", "silu"),
                             .bias = config.boolean("mlp_bias", false)};
  const RMSNorm::Config norm{.size = hidden_size, .eps = static_cast<float>(config.number("rms_norm_eps"))};

  DecoderStack layers;
  for (int i = 0; i < config.dimension("num_hidden_layers"); ++i) {
    const auto layer = weights / "model.layers" / i;
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, layer / "input_layernorm", device},
        .attention = {attention, layer / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, layer / "post_attention_layernorm", device},
        .ffn = {ffn, layer / "mlp", device}});
  }
  const int vocab_size = config.dimension("vocab_size");
  const Embedding embedding({.vocab_size = vocab_size, .hidden_size = hidden_size}, weights / "model.embed_tokens",
                            device);
  const LMHead::Config head{.hidden_size = hidden_size, .vocab_size = vocab_size};
  const bool tied = config.boolean("tie_word_embeddings", false);
  const auto head_weights = weights / "lm_head";
  return {.embedding = embedding,
          .positions = {},
          .layers = std::move(layers),
          .norm = RMSNorm(norm, weights / "model.norm", device),
          .head = tied ? LMHead(head, embedding, head_weights, device) : LMHead(head, head_weights, device)};
}
