#include "mixtral.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/moe.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {
namespace {

Weights with_hugging_face_layout(const Weights& weights) {
  return with_names(weights,
                    {{"mlp.", "block_sparse_moe."}, {"gate_proj", "w1"}, {"down_proj", "w2"}, {"up_proj", "w3"}});
}

}  // namespace

CausalLM load_mixtral(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  w = kind == Checkpoint::Kind::gguf ? with_gguf_experts(with_unpermuted_heads(with_hf_names(w), c.head_dim))
                                     : with_hugging_face_layout(w);
  const auto window = read_window(config);
  auto attention = attention_config(c);
  attention.mask = window ? Mask::window(*window) : Mask::causal();
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim, .default_theta = 1e6f}));
  ignore_router_training(config);
  const auto experts = read_expert_counts(config, 2);
  const MixtureOfExperts::Config moe{
      .router = {.hidden_size = c.hidden_size,
                 .num_experts = experts.num_experts,
                 .rule = {.experts_per_token = experts.experts_per_token, .normalize_selected = true}},
      .intermediate_size = config.dimension("intermediate_size"),
      .activation = read_activation(config, "hidden_act", "silu")};
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-5)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, MixtureOfExperts>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {moe, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = RMSNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
