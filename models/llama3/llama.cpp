#include "llama.h"

#include <cmath>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/formats/common_keys.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {

LlamaConfig LlamaConfig::read(const ConfigReader& c) {
  ignore_common_keys(c);
  const int hidden_size = c.dimension("hidden_size"), num_heads = c.dimension("num_attention_heads");
  const int head_dim = c.dimension("head_dim", hidden_size / num_heads);
  return {.vocab_size = c.dimension("vocab_size"),
          .hidden_size = hidden_size,
          .intermediate_size = c.dimension("intermediate_size"),
          .num_hidden_layers = c.dimension("num_hidden_layers"),
          .num_attention_heads = num_heads,
          .num_key_value_heads = c.dimension("num_key_value_heads", num_heads),
          .head_dim = head_dim,
          .max_position_embeddings = c.dimension("max_position_embeddings", 2048),
          .rms_norm_eps = static_cast<float>(c.number("rms_norm_eps", 1e-6)),
          .hidden_act = read_activation(c, "hidden_act", "silu"),
          .attention_bias = c.boolean("attention_bias", false),
          .mlp_bias = c.boolean("mlp_bias", false),
          .tie_word_embeddings = c.boolean("tie_word_embeddings", false),
          .rope = read_rotary(c, {.head_dim = head_dim})};
}

CausalLM build_llama(const LlamaConfig& c, const Weights& w, Device& device) {
  const GroupedQueryAttention::Config attention{.hidden_size = c.hidden_size,
                                                .num_heads = c.num_attention_heads,
                                                .num_kv_heads = c.num_key_value_heads,
                                                .head_dim = c.head_dim,
                                                .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim)),
                                                .mask = Mask::causal(),
                                                .rope = RotaryEmbedding(c.rope),
                                                .qkv_bias = c.attention_bias,
                                                .output_bias = c.attention_bias};
  const GatedFFN::Config ffn{.hidden_size = c.hidden_size,
                             .intermediate_size = c.intermediate_size,
                             .activation = c.hidden_act,
                             .bias = c.mlp_bias};
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = c.rms_norm_eps};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {ffn, l / "mlp", device}});
  }
  const Embedding embedding({.vocab_size = c.vocab_size, .hidden_size = c.hidden_size}, w / "model.embed_tokens",
                            device);
  const LMHead::Config head{.hidden_size = c.hidden_size, .vocab_size = c.vocab_size};
  return {.embedding = embedding,
          .positions = {},
          .layers = std::move(layers),
          .norm = RMSNorm(norm, w / "model.norm", device),
          .head = make_head(head, c.tie_word_embeddings, embedding, w / "lm_head", device)};
}

CausalLM load_llama(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind) {
  LlamaConfig c = LlamaConfig::read(config);
  if (kind == Checkpoint::Kind::gguf) {
    weights = with_unpermuted_heads(with_hf_names(weights), c.head_dim);
    apply_gguf_rope_factors(weights, c.rope);
  }
  return build_llama(c, weights, device);
}

}  // namespace ttt::models
