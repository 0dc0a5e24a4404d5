#include "common/gguf.h"

#include <array>
#include <utility>

#include "ttt/formats/dequantize.h"

namespace ttt::models {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

constexpr std::array<Names, 3> kTopLevel{
    {{"model.embed_tokens.", "token_embd."}, {"model.norm.", "output_norm."}, {"lm_head.", "output."}}};

constexpr std::array<Names, 9> kInLayer{{{"input_layernorm.", "attn_norm."},
                                         {"post_attention_layernorm.", "ffn_norm."},
                                         {"self_attn.q_proj.", "attn_q."},
                                         {"self_attn.k_proj.", "attn_k."},
                                         {"self_attn.v_proj.", "attn_v."},
                                         {"self_attn.o_proj.", "attn_output."},
                                         {"mlp.gate_proj.", "ffn_gate."},
                                         {"mlp.up_proj.", "ffn_up."},
                                         {"mlp.down_proj.", "ffn_down."}}};

template <std::size_t N>
std::optional<std::string> replace_prefix(std::string_view name, const std::array<Names, N>& names) {
  for (const auto& [from, to] : names)
    if (name.starts_with(from)) return std::string(to).append(name.substr(from.size()));
  return std::nullopt;
}

std::optional<std::string> gguf_name(std::string_view name) {
  constexpr std::string_view layers = "model.layers.";
  if (!name.starts_with(layers)) return replace_prefix(name, kTopLevel).value_or(std::string(name));
  const auto dot = name.find('.', layers.size());
  if (dot == std::string_view::npos) return std::nullopt;
  auto rest = replace_prefix(name.substr(dot + 1), kInLayer);
  if (!rest) return std::nullopt;
  return std::string("blk.").append(name.substr(layers.size(), dot + 1 - layers.size())) + *rest;
}

}  // namespace

Weights with_hf_names(const Weights& weights) { return weights.renamed(gguf_name); }

Weights with_unpermuted_heads(const Weights& weights, int head_dim) {
  const auto is_query_or_key = [](std::string_view name) {
    return name.find(".q_proj.") != name.npos || name.find(".k_proj.") != name.npos;
  };
  return weights.rows_permuted(is_query_or_key, [half = head_dim / 2](std::int64_t row, std::int64_t) {
    const std::int64_t head = row / (2 * half), in_head = row % (2 * half);
    return head * 2 * half + in_head % half * 2 + in_head / half;
  });
}

void apply_gguf_rope_factors(const Weights& weights, RotaryEmbedding::Config& rope) {
  if (!weights.has("rope_freqs.weight")) return;
  const Tensor tensor = weights.take("rope_freqs.weight", {rope.dim / 2});
  if (!tensor.has_data()) return;
  const Tensor f32 = to_f32(tensor);
  const auto values = f32.values<float>();
  const std::vector<float> factors(values.begin(), values.end());
  rope.scaling = rope_scaling::LongRope{factors, factors, 1, 1.0f};
}

}  // namespace ttt::models
