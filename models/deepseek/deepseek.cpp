#include "deepseek.h"

#include <cmath>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "layout.h"
#include "ttt/building_blocks/attention/mla.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/activation_config.h"
#include "ttt/building_blocks/ffn/moe.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {
namespace {

constexpr float kLatentNormEps = 1e-6f;  // whatever rms_norm_eps says

/// 1 / sqrt(head dim), times yarn's correction for the scores (HF yarn_apply_mscale).
float read_scale(const ConfigReader& c, int head_dim) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  const auto rope = rope_scaling_object(c);
  if (!rope || rope->string(rope->spelling({"rope_type", "type"}), "default") == "default") return scale;
  const double all_dim = rope->number("mscale_all_dim", 0.0), factor = rope->number("factor", 1.0);
  const double mscale = all_dim == 0.0 || factor <= 1.0 ? 1.0 : 0.1 * all_dim * std::log(factor) + 1.0;
  return static_cast<float>(scale * mscale * mscale);
}

/// Version 3 scores by sigmoid with a learned correction; version 2 by softmax, greedily or within groups.
Router::Config read_router(const ConfigReader& c, int hidden_size, bool v3, Checkpoint::Kind kind) {
  const bool hugging_face = kind == Checkpoint::Kind::hugging_face, v3_defaults = v3 && hugging_face;
  const int num_groups = c.dimension("n_group", v3_defaults ? 8 : 1),
            groups_per_token = c.dimension("topk_group", v3_defaults ? 4 : 1);
  const bool greedy = !v3 && (hugging_face || num_groups == 1);
  const auto method = c.string("topk_method", v3 ? "noaux_tc" : greedy ? "greedy" : "group_limited_greedy");
  if (method != (v3 ? "noaux_tc" : "greedy") && (v3 || method != "group_limited_greedy"))
    c.fail("topk_method", "'" + method + "' is not supported");
  c.require("scoring_func", v3 ? "\"sigmoid\"" : "\"softmax\"");
  const auto [num_experts, experts_per_token] = read_expert_counts(c);
  RoutingRule rule{.experts_per_token = experts_per_token,
                   .scores = v3 ? RoutingRule::Scores::sigmoid : RoutingRule::Scores::softmax,
                   .normalize_selected = v3 && c.boolean("norm_topk_prob", true),
                   .scale = number(c, "routed_scaling_factor", v3_defaults ? 2.5 : 1.0)};
  using Score = ExpertGroups::Score;
  if (method != "greedy" && num_groups > 1) {
    if (num_experts % num_groups != 0)
      c.fail("n_group",
             "does not divide the " + std::to_string(num_experts) + " experts: " + std::to_string(num_groups));
    if (groups_per_token > num_groups)
      c.fail("topk_group",
             "asks for " + std::to_string(groups_per_token) + " groups; there are " + std::to_string(num_groups));
    rule.groups = ExpertGroups{num_groups, groups_per_token, v3 ? Score::sum_of_best_two : Score::best};
  }
  return {.hidden_size = hidden_size, .num_experts = num_experts, .rule = rule, .correction_bias = v3};
}

}  // namespace

CausalLM load_deepseek(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config);
  const auto sizes = LatentSizes::read(config, c.num_attention_heads);
  w = kind == Checkpoint::Kind::gguf ? with_gguf_layout(w, sizes) : with_hugging_face_layout(w, sizes);
  ignore_prediction_layers(w, c.num_hidden_layers);
  const bool v3 = is_v3(config, w),
             interleaved = kind == Checkpoint::Kind::gguf || config.boolean("rope_interleave", true);
  const auto rope = read_rotary(
      config, {.head_dim = sizes.rope, .style = interleaved ? ops::RotaryStyle::interleaved : ops::RotaryStyle::half});
  const MultiHeadLatentAttention::Config attention{.hidden_size = c.hidden_size,
                                                   .num_heads = c.num_attention_heads,
                                                   .q_lora_rank = sizes.q_lora_rank,
                                                   .kv_lora_rank = sizes.kv_lora_rank,
                                                   .qk_nope_head_dim = sizes.nope,
                                                   .qk_rope_head_dim = sizes.rope,
                                                   .v_head_dim = sizes.v,
                                                   .scale = read_scale(config, sizes.nope + sizes.rope),
                                                   .mask = Mask::causal(),
                                                   .rope = RotaryEmbedding(rope),
                                                   .latent_norm_eps = kLatentNormEps,
                                                   .bias = config.boolean("attention_bias", false)};
  const auto activation = read_activation(config, "hidden_act", "silu");
  const GatedFFN::Config ffn{.hidden_size = c.hidden_size,
                             .intermediate_size = config.dimension("intermediate_size"),
                             .activation = activation,
                             .bias = !v3 && config.boolean("mlp_bias", false)};
  ignore_unused(config);
  const int expert_size = config.dimension("moe_intermediate_size"),
            num_shared = config.dimension("n_shared_experts", v3 ? 1 : 2);
  const MixtureOfExperts::Config moe{
      .router = read_router(config, c.hidden_size, v3, kind),
      .intermediate_size = expert_size,
      .activation = activation,
      .shared = MixtureOfExperts::SharedExpert{
          .intermediate_size = product(config, "n_shared_experts", expert_size, num_shared), .bias = ffn.bias}};
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-6)};
  const auto dense_layers =
      config.integer("first_k_dense_replace", v3 && kind == Checkpoint::Kind::hugging_face ? 3 : 0);

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    const RMSNorm attention_norm(norm, l / "input_layernorm", device),
        ffn_norm(norm, l / "post_attention_layernorm", device);
    const MultiHeadLatentAttention self_attention(attention, l / "self_attn", device, CacheLayer{i});
    if (i < dense_layers)
      layers.push_back(PreNormLayer<RMSNorm, MultiHeadLatentAttention, GatedFFN>{
          attention_norm, self_attention, ffn_norm, {ffn, l / "mlp", device}});
    else
      layers.push_back(PreNormLayer<RMSNorm, MultiHeadLatentAttention, MixtureOfExperts>{
          attention_norm, self_attention, ffn_norm, {moe, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = RMSNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
