#include "gemma.h"

#include <array>
#include <cmath>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {

CausalLM load_gemma(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  // A GGUF file's norms already hold 1 + w.
  w = kind == Checkpoint::Kind::gguf ? with_hf_names(w) : with_offset_norms(w);
  const auto c = DecoderConfig::read(config, {.head_dim = 256});
  config.require("use_bidirectional_attention", "false");
  // The first releases say "gelu" and mean the tanh form.
  const auto act = read_activation(config, "hidden_act", "gelu_pytorch_tanh");
  config.ignore(std::array<std::string_view, 1>{"hidden_activation"});
  const bool bias = config.boolean("attention_bias", false);
  auto attention = attention_config(c);
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim}));
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  const GatedFFN::Config ffn{.hidden_size = c.hidden_size,
                             .intermediate_size = config.dimension("intermediate_size"),
                             .activation = act == Activation::gelu ? Activation::gelu_tanh : act};
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-6)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {ffn, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers),
                        {.norm = RMSNorm(norm, w / "model.norm", device),
                         .tied_by_default = true,
                         .embedding_scale = std::sqrt(static_cast<float>(c.hidden_size))});
}

}  // namespace ttt::models
