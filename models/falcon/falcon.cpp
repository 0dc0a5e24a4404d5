#include "falcon.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/mlp.h"
#include "ttt/patterns/parallel_layer.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {
namespace {

/// How a layer's norms stand.
enum class Layout {
  sequential,     ///< input_layernorm, post_attention_layernorm
  shared_norm,    ///< attention and feed-forward side by side after input_layernorm
  separate_norms  ///< side by side after ln_attn and ln_mlp
};

struct FalconConfig : DecoderConfig {
  Layout layout;
  bool bias;

  static FalconConfig read(const ConfigReader& c, Checkpoint::Kind kind, const Weights& weights) {
    auto sizes = DecoderConfig::read(c);
    if (kind == Checkpoint::Kind::gguf)
      return {sizes, weights.has("blk.0.attn_norm_2.weight") ? Layout::separate_norms : Layout::shared_norm, false};
    c.require("alibi", "false");
    const bool grouped = c.boolean("new_decoder_architecture", false), parallel = c.boolean("parallel_attn", true);
    const bool multi_query = c.boolean("multi_query", true);
    const int kv_heads = c.dimension("num_kv_heads", sizes.num_attention_heads);
    const int norms = c.dimension("num_ln_in_parallel_attn", 2);
    sizes.num_key_value_heads = grouped ? kv_heads : multi_query ? 1 : sizes.num_attention_heads;
    if (grouped && !parallel) c.fail("parallel_attn", "false is not supported with new_decoder_architecture");
    const auto layout = !parallel               ? Layout::sequential
                        : grouped && norms == 2 ? Layout::separate_norms
                                                : Layout::shared_norm;
    return {sizes, layout, c.boolean("bias", false)};
  }
};

Weights with_hugging_face_layout(const Weights& weights, const FusedHeads& heads, Layout layout) {
  const bool separate = layout == Layout::separate_norms;
  return with_names(with_split_qkv(weights, "query_key_value", heads, FusedOrder::by_group),
                    {{"model.layers", "transformer.h"},
                     {"model.embed_tokens", "transformer.word_embeddings"},
                     {"model.norm", "transformer.ln_f"},
                     {"input_layernorm", separate ? "ln_attn" : "input_layernorm"},
                     {"ffn_norm", separate ? "ln_mlp" : "post_attention_layernorm"},
                     {"self_attn", "self_attention"},
                     {"o_proj", "dense"},
                     {"up_proj", "dense_h_to_4h"},
                     {"down_proj", "dense_4h_to_h"}});
}

/// GGUF's attn_norm is the feed-forward layer's where there are two, and attn_norm_2 attention's.
Weights with_gguf_layout(const Weights& weights, const FusedHeads& heads, Layout layout) {
  const auto split = with_split_qkv(with_hf_names(weights), "qkv_proj", heads, FusedOrder::by_part);
  if (layout != Layout::separate_norms) return split;
  return with_names(split, {{"input_layernorm", "attention_norm_2"}, {"ffn_norm", "input_layernorm"}});
}

}  // namespace

CausalLM load_falcon(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = FalconConfig::read(config, kind, w);
  const FusedHeads heads{c.num_attention_heads, c.num_key_value_heads, c.head_dim};
  w = kind == Checkpoint::Kind::gguf ? with_gguf_layout(w, heads, c.layout)
                                     : with_hugging_face_layout(w, heads, c.layout);
  auto attention = attention_config(c);
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim}));
  attention.qkv_bias = c.bias;
  attention.output_bias = c.bias;
  const auto ffn_size = config.spelling({"ffn_hidden_size", "intermediate_size"});
  const MLP::Config mlp{.hidden_size = c.hidden_size,
                        .intermediate_size = config.dimension(ffn_size, 4 * c.hidden_size),
                        .activation = read_activation(config, "activation", "gelu"),
                        .bias = c.bias};
  const LayerNorm::Config norm{.size = c.hidden_size,
                               .eps = number(config, config.spelling({"layer_norm_epsilon", "layer_norm_eps"}), 1e-5)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    const LayerNorm attention_norm(norm, l / "input_layernorm", device);
    const GroupedQueryAttention self_attention(attention, l / "self_attn", device, CacheLayer{i});
    const MLP ffn(mlp, l / "mlp", device);
    std::optional<LayerNorm> ffn_norm;
    if (c.layout != Layout::shared_norm) ffn_norm.emplace(norm, l / "ffn_norm", device);
    if (c.layout == Layout::sequential)
      layers.push_back(
          PreNormLayer<LayerNorm, GroupedQueryAttention, MLP>{attention_norm, self_attention, *ffn_norm, ffn});
    else
      layers.push_back(
          ParallelLayer<LayerNorm, GroupedQueryAttention, MLP>{attention_norm, self_attention, ffn_norm, ffn});
  }
  return make_causal_lm(config, c, w, device, std::move(layers),
                        {.norm = LayerNorm(norm, w / "model.norm", device), .tied_by_default = true});
}

}  // namespace ttt::models
