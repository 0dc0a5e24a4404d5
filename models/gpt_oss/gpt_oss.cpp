#include "gpt_oss.h"

#include <array>

#include "common/decoder_config.h"
#include "common/gguf.h"
#include "common/names.h"
#include "mxfp4.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/building_blocks/ffn/moe.h"
#include "ttt/patterns/pre_norm_layer.h"

namespace ttt::models {
namespace {

/// Experts are stacked, gate and up rows alternate in `gate_up_proj`, and matrices that are not MXFP4 are stored [in,
/// out].
Weights with_hugging_face_layout(const Weights& weights, const Mxfp4Sizes& sizes) {
  const bool packed = weights.has("model.layers.0.mlp.experts.gate_up_proj_blocks");
  const auto unstacked = with_unstacked_experts(packed ? with_joined_mxfp4(weights, sizes) : weights,
                                                {{"gate_up.weight", "experts.gate_up_proj"},
                                                 {"gate_up.bias", "experts.gate_up_proj_bias"},
                                                 {"down_proj.weight", "experts.down_proj"},
                                                 {"down_proj.bias", "experts.down_proj_bias"}});
  const auto is_expert = [packed](std::string_view name) {
    return !packed && (name.ends_with(".gate_up.weight") ||
                       (name.find(".experts.") != name.npos && name.ends_with(".down_proj.weight")));
  };
  const auto is_gate_up = [](std::string_view name) { return name.find(".gate_up.") != name.npos; };
  const auto ordered = unstacked.transposed(is_expert).rows_permuted(
      is_gate_up,
      [](std::int64_t row, std::int64_t rows) { return row < rows / 2 ? 2 * row : 2 * (row - rows / 2) + 1; });
  const auto split =
      with_split(ordered, "gate_up", {{"gate_proj", sizes.intermediate_size}, {"up_proj", sizes.intermediate_size}});
  return with_names(split, {{"mlp.gate.", "mlp.router."}});
}

RotaryEmbedding::Config read_rope(const ConfigReader& config, int head_dim, Checkpoint::Kind kind) {
  const bool hugging_face = kind == Checkpoint::Kind::hugging_face;
  auto rope = read_rotary(config, {.head_dim = head_dim, .default_theta = 150000.0f, .default_truncate = hugging_face});
  constexpr float kFactor = 32.0f;  // where the config says nothing of scaling
  if (hugging_face && !rope_scaling_object(config))
    rope.scaling = rope_scaling::Yarn{.factor = kFactor,
                                      .original_max_position_embeddings = 4096,
                                      .truncate = false,
                                      .attention_factor = yarn_attention_factor(kFactor, 0, 0)};
  return rope;
}

}  // namespace

CausalLM load_gpt_oss(const ConfigReader& config, Weights w, Device& device, Checkpoint::Kind kind) {
  const auto c = DecoderConfig::read(config, {.head_dim = 64, .supported_quantization = "mxfp4"});
  const int intermediate_size = config.dimension("intermediate_size", config.dimension("moe_intermediate_size", 1));
  const auto [num_experts, experts_per_token] = read_expert_counts(config);
  w = kind == Checkpoint::Kind::gguf ? with_gguf_experts(with_hf_sandwich_names(w))
                                     : with_hugging_face_layout(w, {num_experts, c.hidden_size, intermediate_size});
  const auto masks =
      read_masks(config, c.num_hidden_layers, read_window(config, 128), [](int i) { return i % 2 == 0; });
  const bool bias = config.boolean("attention_bias", true);
  auto attention = attention_config(c);
  attention.rope = RotaryEmbedding(read_rope(config, c.head_dim, kind));
  attention.qkv_bias = bias;
  attention.output_bias = bias;
  attention.sinks = true;
  config.require("hidden_act", "\"silu\"");
  ignore_router_training(config);
  config.ignore(std::array<std::string_view, 2>{"experts_per_token", "initial_context_length"});
  const MixtureOfExperts::Config moe{
      .router = {.hidden_size = c.hidden_size,
                 .num_experts = num_experts,
                 .rule = {.experts_per_token = experts_per_token, .normalize_selected = true},
                 .bias = true},
      .intermediate_size = intermediate_size,
      .activation =
          GatedActivation::clamped_swiglu(number(config, "swiglu_alpha", 1.702), number(config, "swiglu_limit", 7.0)),
      .bias = true};
  const RMSNorm::Config norm{.size = c.hidden_size, .eps = number(config, "rms_norm_eps", 1e-5)};

  DecoderStack layers;
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto l = w / "model.layers" / i;
    attention.mask = masks[static_cast<std::size_t>(i)];
    layers.push_back(PreNormLayer<RMSNorm, GroupedQueryAttention, MixtureOfExperts>{
        .attention_norm = {norm, l / "input_layernorm", device},
        .attention = {attention, l / "self_attn", device, CacheLayer{i}},
        .ffn_norm = {norm, l / "post_attention_layernorm", device},
        .ffn = {moe, l / "mlp", device}});
  }
  return make_causal_lm(config, c, w, device, std::move(layers), {.norm = RMSNorm(norm, w / "model.norm", device)});
}

}  // namespace ttt::models
