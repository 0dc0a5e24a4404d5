#include "gpt_neox.h"

#include <cmath>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/mha.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/mlp.h"
#include "ttt/patterns/parallel_layer.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {
namespace {

Weights with_hugging_face_layout(const Weights& weights, const FusedHeads& heads) {
  return with_names(with_split_qkv(weights, "query_key_value", heads, FusedOrder::by_group),
                    {{"model.layers", "gpt_neox.layers"},
                     {"model.embed_tokens", "gpt_neox.embed_in"},
                     {"model.norm", "gpt_neox.final_layer_norm"},
                     {"lm_head", "embed_out"},
                     {"self_attn", "attention"},
                     {"o_proj", "dense"},
                     {"up_proj", "dense_h_to_4h"},
                     {"down_proj", "dense_4h_to_h"}});
}

}  // namespace

CausalLM load_gpt_neox(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  const FusedHeads heads{c.num_attention_heads, c.num_attention_heads, c.head_dim};
  w = kind == Checkpoint::Kind::gguf ? with_split_qkv(with_hf_names(w), "qkv_proj", heads, FusedOrder::by_part)
                                     : with_hugging_face_layout(w, heads);
  config.require("is_decoder", "false");
  const bool bias = config.boolean("attention_bias", true);
  const auto rope = read_rotary(config, {.head_dim = c.head_dim,
                                         .theta_key = "rotary_emb_base",
                                         .default_partial_rotary_factor = 0.25f,
                                         .partial_key = "rotary_pct"});
  const MultiHeadAttention::Config attention{.hidden_size = c.hidden_size,
                                             .num_heads = c.num_attention_heads,
                                             .head_dim = c.head_dim,
                                             .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim)),
                                             .mask = Mask::causal(),
                                             .rope = RotaryEmbedding(rope),
                                             .qkv_bias = bias,
                                             .output_bias = bias};
  const MLP::Config mlp{.hidden_size = c.hidden_size,
                        .intermediate_size = config.dimension("intermediate_size"),
                        .activation = read_activation(config, "hidden_act", "gelu")};
  const LayerNorm::Config norm{.size = c.hidden_size, .eps = number(config, "layer_norm_eps", 1e-5)};
  const bool parallel = config.boolean("use_parallel_residual", true);

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    const LayerNorm attention_norm(norm, l / "input_layernorm", device),
        ffn_norm(norm, l / "post_attention_layernorm", device);
    const MultiHeadAttention self_attention(attention, l / "self_attn", device, CacheLayer{i});
    const MLP ffn(mlp, l / "mlp", device);
    if (parallel)
      layers.push_back(
          ParallelLayer<LayerNorm, MultiHeadAttention, MLP>{attention_norm, self_attention, ffn_norm, ffn});
    else
      layers.push_back(PreNormLayer<LayerNorm, MultiHeadAttention, MLP>{attention_norm, self_attention, ffn_norm, ffn});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = LayerNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
