#include "gemma2.h"

#include <array>
#include <cmath>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/sandwich_norm_layer.h"

namespace ttt::models {

CausalLM load_gemma2(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  // A GGUF file's norms already hold 1 + w.
  const bool gguf = kind == Checkpoint::Kind::gguf;
  w = gguf ? with_hf_sandwich_names(w) : with_offset_norms(w);
  const auto c = DecoderConfig::read(config, {.head_dim = 256});
  config.ignore(std::array<std::string_view, 1>{"hidden_act"});
  config.require("use_bidirectional_attention", "false");
  const auto masks =
      read_masks(config, c.num_hidden_layers, read_window(config, 4096), [](int i) { return i % 2 == 0; });
  const bool bias = config.boolean("attention_bias", false);
  auto attention = attention_config(c);
  attention.scale = 1.0f / std::sqrt(positive(config, "query_pre_attn_scalar", gguf ? c.head_dim : 256));
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim}));
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  attention.softcap = number_or_none(config, "attn_logit_softcapping", gguf ? 0.0 : 50.0);
  const auto ffn = read_gated_ffn(config, c, {"hidden_activation", "gelu_pytorch_tanh"});
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-6)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    attention.mask = masks[static_cast<std::size_t>(i)];
    layers.push_back(SandwichNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .attention_output_norm = {norm, l / "post_attention_layernorm", device},
        .ffn_norm = {norm, l / "pre_feedforward_layernorm", device},
        .ffn = {ffn, l / "mlp", device},
        .ffn_output_norm = {norm, l / "post_feedforward_layernorm", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers),
                        {.norm = RMSNorm(norm, w / "model.norm", device),
                         .tied_by_default = true,
                         .embedding_scale = std::sqrt(static_cast<float>(c.hidden_size)),
                         .logit_softcap = number_or_none(config, "final_logit_softcapping", gguf ? 0.0 : 30.0)});
}

}  // namespace ttt::models
