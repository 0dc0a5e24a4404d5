#include "gpt2.h"

#include <cmath>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/mha.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/mlp.h"
#include "ttt/formats/common_keys.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {
namespace {

struct Gpt2Config {
  int vocab_size, n_embd, n_layer, n_head, n_positions, n_inner;
  float layer_norm_epsilon;
  Activation activation_function;
  bool scale_attn_weights, scale_attn_by_inverse_layer_idx, tie_word_embeddings;

  static Gpt2Config read(const ConfigReader& c) {
    ignore_common_keys(c);
    const int n_embd = c.dimension(c.spelling({"n_embd", "hidden_size"}));
    return {.vocab_size = c.dimension("vocab_size"),
            .n_embd = n_embd,
            .n_layer = c.dimension(c.spelling({"n_layer", "num_hidden_layers"})),
            .n_head = c.dimension(c.spelling({"n_head", "num_attention_heads"})),
            .n_positions = c.dimension(c.spelling({"n_positions", "max_position_embeddings"}), 1024),
            .n_inner = c.dimension(c.spelling({"n_inner", "intermediate_size"}), 4 * n_embd),
            .layer_norm_epsilon = number(c, c.spelling({"layer_norm_epsilon", "layer_norm_eps"}), 1e-5),
            .activation_function = read_activation(c, "activation_function", "gelu_new"),
            .scale_attn_weights = c.boolean("scale_attn_weights", true),
            .scale_attn_by_inverse_layer_idx = c.boolean("scale_attn_by_inverse_layer_idx", false),
            .tie_word_embeddings = c.boolean("tie_word_embeddings", true)};
  }
};

Weights with_hugging_face_layout(const Weights& weights, int n_embd) {
  // Checkpoints of the bare model lack the prefix.
  const std::string prefix = weights.has("transformer.wte.weight") ? "transformer." : "";
  const auto is_conv1d = [](std::string_view name) {
    return name.find(".c_") != name.npos && name.ends_with(".weight");
  };
  const auto split =
      with_split(weights.transposed(is_conv1d), "c_attn", {{"q_proj", n_embd}, {"k_proj", n_embd}, {"v_proj", n_embd}});
  return with_names(split, {{"model.layers", prefix + "h"},
                            {"model.embed_tokens", prefix + "wte"},
                            {"model.embed_positions", prefix + "wpe"},
                            {"model.norm", prefix + "ln_f"},
                            {"input_layernorm", "ln_1"},
                            {"post_attention_layernorm", "ln_2"},
                            {"self_attn", "attn"},
                            {"o_proj", "c_proj"},
                            {"up_proj", "c_fc"},
                            {"down_proj", "c_proj"}});
}

}  // namespace

CausalLM load_gpt2(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = Gpt2Config::read(config);
  w = kind == Checkpoint::Kind::gguf
          ? with_split(with_hf_names(w), "qkv_proj", {{"q_proj", c.n_embd}, {"k_proj", c.n_embd}, {"v_proj", c.n_embd}})
          : with_hugging_face_layout(w, c.n_embd);
  const int head_dim = c.n_embd / c.n_head;
  MultiHeadAttention::Config attention{.hidden_size = c.n_embd,
                                       .num_heads = c.n_head,
                                       .head_dim = head_dim,
                                       .scale = 1.0f,
                                       .mask = Mask::causal(),
                                       .qkv_bias = true,
                                       .output_bias = true};
  const MLP::Config mlp{.hidden_size = c.n_embd, .intermediate_size = c.n_inner, .activation = c.activation_function};
  const LayerNorm::Config norm{.size = c.n_embd, .eps = c.layer_norm_epsilon};

  DecoderStack layers;
  for (int i = 0; i < c.n_layer; ++i) {
    const auto l = w / "model.layers" / i;
    attention.scale = (c.scale_attn_weights ? 1.0f / std::sqrt(static_cast<float>(head_dim)) : 1.0f) /
                      (c.scale_attn_by_inverse_layer_idx ? static_cast<float>(i + 1) : 1.0f);
    layers.push_back(PreNormLayer<LayerNorm, MultiHeadAttention, MLP>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {mlp, l / "mlp", device}});
  }
  const Embedding embedding({.vocab_size = c.vocab_size, .hidden_size = c.n_embd}, w / "model.embed_tokens", device);
  return {.embedding = embedding,
          .positions = PositionEmbedding({.num_positions = c.n_positions, .hidden_size = c.n_embd},
                                         w / "model.embed_positions", device),
          .layers = std::move(layers),
          .norm = LayerNorm(norm, w / "model.norm", device),
          .head = make_head({.hidden_size = c.n_embd, .vocab_size = c.vocab_size}, c.tie_word_embeddings, embedding,
                            w / "lm_head", device),
          .max_positions = c.n_positions};
}

}  // namespace ttt::models
