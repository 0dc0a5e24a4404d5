#include "qwen2_moe.h"

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/moe.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {

CausalLM load_qwen2_moe(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  if (kind == Checkpoint::Kind::gguf) w = with_gguf_experts(with_hf_names(w));
  const auto c = DecoderConfig::read(config);
  const auto max_window_layers = config.integer("max_window_layers", 28);
  const auto masks = read_masks(config, c.num_hidden_layers, read_switched_window(config),
                                [&](int i) { return i % 2 == 0 && i < max_window_layers; });
  auto attention = attention_config(c);
  attention.rope = RotaryEmbedding(read_rotary(config, {.head_dim = c.head_dim}));
  attention.qkv_bias = config.boolean("qkv_bias", true);
  ignore_router_training(config);
  const auto experts = read_expert_counts(config);
  const auto activation = read_activation(config, "hidden_act", "silu");
  const MixtureOfExperts::Config moe{
      .router = {.hidden_size = c.hidden_size,
                 .num_experts = experts.num_experts,
                 .rule = {.experts_per_token = experts.experts_per_token,
                          .normalize_selected = config.boolean("norm_topk_prob", false)}},
      .intermediate_size = config.dimension("moe_intermediate_size"),
      .activation = activation,
      .shared = MixtureOfExperts::SharedExpert{config.dimension("shared_expert_intermediate_size"), true}};
  const auto sparse = read_sparse_layers(config, c.num_hidden_layers);
  const GatedFFN::Config ffn{.hidden_size = c.hidden_size,
                             .intermediate_size = config.dimension("intermediate_size", 1),
                             .activation = activation};
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-6)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    attention.mask = masks[static_cast<std::size_t>(i)];
    const RMSNorm attention_norm(norm, l / "input_layernorm", device),
        ffn_norm(norm, l / "post_attention_layernorm", device);
    const GroupedQueryAttention self_attention(attention, l / "self_attn", device, CacheLayer{i});
    if (sparse[static_cast<std::size_t>(i)])
      layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, MixtureOfExperts>{
          attention_norm, self_attention, ffn_norm, {moe, l / "mlp", device}});
    else
      layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, GatedFFN>{
          attention_norm, self_attention, ffn_norm, {ffn, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = RMSNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
