#include "starcoder2.h"

#include <array>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/mlp.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {

CausalLM load_starcoder2(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  w = kind == Checkpoint::Kind::gguf ? with_hf_names(w) : with_names(w, {{"up_proj", "c_fc"}, {"down_proj", "c_proj"}});
  const auto c = DecoderConfig::read(config);
  // In published checkpoints; transformers reads none of them.
  config.ignore(std::array<std::string_view, 3>{"activation_function", "mlp_type", "norm_type"});
  const auto window = read_window(config);
  const bool bias = config.boolean("use_bias", true);
  auto attention = attention_config(c);
  attention.mask = window ? Mask::window(*window) : Mask::causal();
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim}));
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  const MLP::Config mlp{.hidden_size = c.hidden_size,
                        .intermediate_size = config.dimension("intermediate_size"),
                        .activation = read_activation(config, "hidden_act", "gelu_pytorch_tanh"),
                        .bias = bias};
  const auto eps = config.spelling({"norm_epsilon", "layer_norm_eps"});
  const LayerNorm::Config norm{.size = c.hidden_size, .eps = number(config, eps, 1e-5)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(PreNormLayer<LayerNorm, GroupedQueryAttention, MLP>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {mlp, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers),
                        {.norm = LayerNorm(norm, w / "model.norm", device), .tied_by_default = true});
}

}  // namespace ttt::models
