#include "phi3.h"

#include <array>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {

CausalLM load_phi3(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  config.ignore(std::array<std::string_view, 1>{"original_max_position_embeddings"});  // longrope's, read with it
  const int intermediate_size = config.dimension("intermediate_size");
  const FusedHeads heads{c.num_attention_heads, c.num_key_value_heads, c.head_dim};
  auto rope = read_rotary(config, {.head_dim = c.head_dim, .default_partial_rotary_factor = 1.0f});
  const bool gguf = kind == Checkpoint::Kind::gguf;
  if (gguf) {
    apply_gguf_long_factors(w, config, rope);
    w = with_hf_names(w);
  }
  w = with_split(with_split_qkv(w, "qkv_proj", heads, FusedOrder::by_part), gguf ? "up_proj" : "gate_up_proj",
                 {{"gate_proj", intermediate_size}, {"up_proj", intermediate_size}});
  const auto window = read_window(config);
  auto attention = attention_config(c);
  attention.mask = window ? Mask::window(*window) : Mask::causal();
  attention.rope = RotaryEmbedding(rope);
  const GatedFFN::Config ffn{.hidden_size = c.hidden_size,
                             .intermediate_size = intermediate_size,
                             .activation = read_activation(config, "hidden_act", "silu")};
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-5)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {ffn, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = RMSNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
