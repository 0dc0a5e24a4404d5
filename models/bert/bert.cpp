#include "bert.h"

#include <cmath>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/mha.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/mlp.h"
#include "ttt/patterns/post_norm_layer.h"

namespace ttt::models {
namespace {

Weights with_hugging_face_layout(const Weights& weights) {
  // Checkpoints of a task model have a prefix, and a head that an encoder has no use for.
  const std::string prefix = weights.has("bert.embeddings.word_embeddings.weight") ? "bert." : "";
  weights.ignore([&](std::string_view name) {
    const bool is_encoder = name.starts_with(prefix + "embeddings.") || name.starts_with(prefix + "encoder.");
    return !is_encoder || name.ends_with("position_ids");
  });
  // The first releases call a norm's weight and bias gamma and beta.
  const bool greek = weights.has(prefix + "embeddings.LayerNorm.gamma");
  return with_names(
      greek ? with_names(weights, {{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}})
            : weights,
      {{"model.embed_tokens", prefix + "embeddings.word_embeddings"},
       {"model.embed_positions", prefix + "embeddings.position_embeddings"},
       {"model.embed_token_types", prefix + "embeddings.token_type_embeddings"},
       {"model.embed_norm", prefix + "embeddings.LayerNorm"},
       {"model.layers", prefix + "encoder.layer"},
       {"self_attn.q_proj", "attention.self.query"},
       {"self_attn.k_proj", "attention.self.key"},
       {"self_attn.v_proj", "attention.self.value"},
       {"self_attn.o_proj", "attention.output.dense"},
       {"attention_output_norm", "attention.output.LayerNorm"},
       {"mlp.up_proj", "intermediate.dense"},
       {"mlp.down_proj", "output.dense"},
       {"ffn_output_norm", "output.LayerNorm"}});
}

}  // namespace

Encoder load_bert(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  w = kind == Checkpoint::Kind::gguf ? with_hf_names(w) : with_hugging_face_layout(w);
  config.boolean("tie_word_embeddings", true);  // of a head for pretraining, which is not built
  config.require("position_embedding_type", "\"absolute\"");
  config.require("is_decoder", "false");
  const MultiHeadAttention::Config attention{.hidden_size = c.hidden_size,
                                             .num_heads = c.num_attention_heads,
                                             .head_dim = c.head_dim,
                                             .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim)),
                                             .mask = Mask::bidirectional(),
                                             .qkv_bias = true,
                                             .output_bias = true};
  const MLP::Config mlp{.hidden_size = c.hidden_size,
                        .intermediate_size = config.dimension("intermediate_size"),
                        .activation = read_activation(config, "hidden_act", "gelu")};
  const LayerNorm::Config norm{.size = c.hidden_size, .eps = number(config, "layer_norm_eps", 1e-12)};
  const int num_types = config.dimension("type_vocab_size", 2);

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(PostNormLayer<LayerNorm, MultiHeadAttention, MLP>{
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .attention_norm = {norm, l / "attention_output_norm", device},
        .ffn = {mlp, l / "mlp", device},
        .ffn_norm = {norm, l / "ffn_output_norm", device}});
  }
  return {.embedding =
              Embedding({.vocab_size = c.vocab_size, .hidden_size = c.hidden_size}, w / "model.embed_tokens", device),
          .positions = PositionEmbedding({.num_positions = c.max_position_embeddings, .hidden_size = c.hidden_size},
                                         w / "model.embed_positions", device),
          .token_types = TokenTypeEmbedding({.num_types = num_types, .hidden_size = c.hidden_size},
                                            w / "model.embed_token_types", device),
          .norm = LayerNorm(norm, w / "model.embed_norm", device),
          .layers = std::move(layers),
          .max_positions = c.max_position_embeddings};
}

}  // namespace ttt::models
