#include "common/gguf.h"

#include <array>
#include <utility>

#include "common/names.h"
#include "ttt/formats/dequantize.h"

namespace ttt::models {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

constexpr std::array<Names, 6> kTopLevel{{{"model.embed_tokens.", "token_embd."},
                                          {"model.embed_positions.", "position_embd."},
                                          {"model.embed_token_types.", "token_types."},
                                          {"model.embed_norm.", "token_embd_norm."},
                                          {"model.norm.", "output_norm."},
                                          {"lm_head.", "output."}}};

constexpr std::array<Names, 36> kInLayer{{{"input_layernorm.", "attn_norm."},
                                          {"pre_feedforward_layernorm.", "ffn_norm."},
                                          {"post_feedforward_layernorm.", "post_ffw_norm."},
                                          {"self_attn.q_proj.", "attn_q."},
                                          {"self_attn.k_proj.", "attn_k."},
                                          {"self_attn.v_proj.", "attn_v."},
                                          {"self_attn.qkv_proj.", "attn_qkv."},
                                          {"self_attn.o_proj.", "attn_output."},
                                          {"self_attn.q_norm.", "attn_q_norm."},
                                          {"self_attn.k_norm.", "attn_k_norm."},
                                          {"self_attn.sinks", "attn_sinks.weight"},
                                          {"self_attn.q_a_proj.", "attn_q_a."},
                                          {"self_attn.q_a_layernorm.", "attn_q_a_norm."},
                                          {"self_attn.q_b_proj.", "attn_q_b."},
                                          {"self_attn.kv_a_proj_with_mqa.", "attn_kv_a_mqa."},
                                          {"self_attn.kv_a_layernorm.", "attn_kv_a_norm."},
                                          {"self_attn.kv_b_proj.", "attn_kv_b."},
                                          {"self_attn.k_b_proj.", "attn_k_b."},
                                          {"self_attn.v_b_proj.", "attn_v_b."},
                                          {"mlp.gate_proj.", "ffn_gate."},
                                          {"mlp.up_proj.", "ffn_up."},
                                          {"mlp.down_proj.", "ffn_down."},
                                          {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
                                          {"mlp.gate.", "ffn_gate_inp."},
                                          {"mlp.gate_exps.", "ffn_gate_exps."},
                                          {"mlp.up_exps.", "ffn_up_exps."},
                                          {"mlp.down_exps.", "ffn_down_exps."},
                                          {"mlp.shared_expert.gate_proj.", "ffn_gate_shexp."},
                                          {"mlp.shared_expert.up_proj.", "ffn_up_shexp."},
                                          {"mlp.shared_expert.down_proj.", "ffn_down_shexp."},
                                          {"mlp.shared_expert_gate.", "ffn_gate_inp_shexp."},
                                          {"attention_norm_2.", "attn_norm_2."},
                                          {"attention_output_norm.", "attn_output_norm."},
                                          {"ffn_output_norm.", "layer_output_norm."},
                                          {"mlp.fc1.", "ffn_up."},
                                          {"mlp.fc2.", "ffn_down."}}};

template <std::size_t N>
std::optional<std::string> replace_prefix(std::string_view name, const std::array<Names, N>& names) {
  for (const auto& [from, to] : names)
    if (name.starts_with(from)) return std::string(to).append(name.substr(from.size()));
  return std::nullopt;
}

/// `second_norm`: what GGUF calls post_attention_layernorm, the norm before the feed-forward layer or that after
/// attention.
std::optional<std::string> gguf_name(std::string_view name, std::string_view second_norm) {
  constexpr std::string_view layers = "model.layers.";
  if (!name.starts_with(layers)) return replace_prefix(name, kTopLevel).value_or(std::string(name));
  const auto dot = name.find('.', layers.size());
  if (dot == std::string_view::npos) return std::nullopt;
  constexpr std::string_view ours = "post_attention_layernorm.";
  const auto in_layer = name.substr(dot + 1);
  const std::optional<std::string> rest =
      in_layer.starts_with(ours) ? std::optional(std::string(second_norm).append(in_layer.substr(ours.size())))
                                 : replace_prefix(in_layer, kInLayer);
  if (!rest) return std::nullopt;
  return std::string("blk.").append(name.substr(layers.size(), dot + 1 - layers.size())) + *rest;
}

}  // namespace

Weights with_hf_names(const Weights& weights) {
  return weights.renamed([](std::string_view name) { return gguf_name(name, "ffn_norm."); });
}

Weights with_hf_sandwich_names(const Weights& weights) {
  return weights.renamed([](std::string_view name) { return gguf_name(name, "post_attention_norm."); });
}

Weights with_unpermuted_heads(const Weights& weights, int head_dim) {
  const auto is_query_or_key = [](std::string_view name) {
    return name.find(".q_proj.") != name.npos || name.find(".k_proj.") != name.npos;
  };
  return weights.rows_permuted(is_query_or_key, [half = head_dim / 2](std::int64_t row, std::int64_t) {
    const std::int64_t head = row / (2 * half), in_head = row % (2 * half);
    return head * 2 * half + in_head % half * 2 + in_head / half;
  });
}

namespace {

/// The values of a tensor of rotary factors; nothing when planning.
std::vector<float> take_factors(const Weights& weights, std::string_view name, int count) {
  const Tensor tensor = weights.take(name, {count});
  if (!tensor.has_data()) return {};
  const Tensor f32 = to_f32(tensor);
  const auto values = f32.values<float>();
  return {values.begin(), values.end()};
}

}  // namespace

void apply_gguf_rope_factors(const Weights& weights, RotaryEmbedding::Config& rope) {
  if (!weights.has("rope_freqs.weight")) return;
  const auto factors = take_factors(weights, "rope_freqs.weight", rope.pairs());
  if (!factors.empty()) rope.scaling = rope_scaling::LongRope{factors, factors, 1, 1.0f};
}

void apply_gguf_long_factors(const Weights& weights, const ConfigReader& config, RotaryEmbedding::Config& rope) {
  if (!weights.has("rope_factors_short.weight")) return;
  const auto parameters = config.object("rope_parameters").value_or(config);
  const auto original =
      parameters.dimension("original_max_position_embeddings", config.dimension("max_position_embeddings"));
  const auto attention_factor = static_cast<float>(parameters.number("attention_factor", 1.0));
  const auto short_factors = take_factors(weights, "rope_factors_short.weight", rope.pairs());
  const auto long_factors = take_factors(weights, "rope_factors_long.weight", rope.pairs());
  if (!short_factors.empty())
    rope.scaling = rope_scaling::LongRope{short_factors, long_factors, original, attention_factor};
}

Weights with_gguf_experts(const Weights& weights) {
  return with_unstacked_experts(weights, {{"gate_proj.weight", "gate_exps.weight"},
                                          {"up_proj.weight", "up_exps.weight"},
                                          {"down_proj.weight", "down_exps.weight"},
                                          {"gate_proj.bias", "gate_exps.bias"},
                                          {"up_proj.bias", "up_exps.bias"},
                                          {"down_proj.bias", "down_exps.bias"}});
}

}  // namespace ttt::models
