#include "layout.h"

#include <array>
#include <charconv>
#include <string>

#include "common/gguf.h"
#include "common/names.h"

namespace ttt::models {
namespace {

/// "PATH.k_b_proj.H.weight": the head H, and "PATH.".
struct HeadName {
  std::string path;
  bool key;
  std::int64_t head;
};

std::optional<HeadName> parse_head(std::string_view name) {
  const auto key = name.find(".k_b_proj."), at = key != name.npos ? key : name.find(".v_b_proj.");
  if (at == name.npos) return std::nullopt;
  const auto number = name.substr(at + std::string_view(".k_b_proj.").size());
  std::int64_t head = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), head);
  if (error != std::errc() || std::string_view(end, number.data() + number.size()) != ".weight") return std::nullopt;
  return HeadName{std::string(name.substr(0, at + 1)), key != name.npos, head};
}

Weights with_split_heads(const Weights& weights, const LatentSizes& sizes) {
  const auto slice_of = [sizes](std::string_view name) -> std::optional<Weights::Slice> {
    const auto head = parse_head(name);
    if (!head) return std::nullopt;
    const std::int64_t first = head->head * (sizes.nope + sizes.v);
    return Weights::Slice{head->path + "kv_b_proj.weight", head->key ? first : first + sizes.nope,
                          head->key ? sizes.nope : sizes.v};
  };
  return weights.sliced(slice_of).transposed([](std::string_view name) {
    const auto head = parse_head(name);
    return head && head->key;
  });
}

}  // namespace

LatentSizes LatentSizes::read(const ConfigReader& c, int num_heads) {
  LatentSizes sizes{.num_heads = num_heads,
                    .kv_lora_rank = c.dimension("kv_lora_rank"),
                    .nope = c.dimension("qk_nope_head_dim", 1),
                    .rope = c.dimension(c.spelling({"qk_rope_head_dim", "rope_dim"})),
                    .v = c.dimension("v_head_dim"),
                    .q_lora_rank = std::nullopt};
  if (c.has("q_lora_rank")) sizes.q_lora_rank = c.dimension("q_lora_rank");
  if (!c.has("qk_nope_head_dim")) sizes.nope = c.dimension("qk_head_dim") - sizes.rope;
  return sizes;
}

Weights with_hugging_face_layout(const Weights& weights, const LatentSizes& sizes) {
  return with_names(with_split_heads(weights, sizes), {{"shared_expert.", "shared_experts."}});
}

Weights with_gguf_layout(const Weights& weights, const LatentSizes& sizes) {
  const auto named = with_gguf_experts(with_hf_names(weights));
  if (!weights.has("blk.0.attn_k_b.weight")) return with_split_heads(named, sizes);
  return named.indexed([](std::string_view name) -> std::optional<Weights::Element> {
    const auto head = parse_head(name);
    if (!head) return std::nullopt;
    return Weights::Element{head->path + (head->key ? "k_b_proj.weight" : "v_b_proj.weight"), head->head};
  });
}

bool is_v3(const ConfigReader& config, const Weights& weights) {
  if (config.string("model_type") != "deepseek2") return config.string("model_type") == "deepseek_v3";
  const auto last = config.dimension("num_hidden_layers") - 1;
  return (weights / "model.layers" / last / "mlp.gate").has("e_score_correction_bias");
}

void ignore_prediction_layers(const Weights& weights, int num_layers) {
  weights.ignore([num_layers](std::string_view name) {
    constexpr std::string_view prefix = "model.layers.";
    int layer = 0;
    if (!name.starts_with(prefix)) return false;
    const auto [end, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
    return error == std::errc() && layer >= num_layers;
  });
}

void ignore_unused(const ConfigReader& config) {
  constexpr std::array<std::string_view, 10> keys{
      "qk_head_dim", "head_dim", "num_nextn_predict_layers", "output_router_logits", "aux_loss_alpha",
      "seq_aux",     "ep_size",  "router_aux_loss_coef",     "num_key_value_heads",  "shared_expert_intermediate_size"};
  config.ignore(keys);
  config.require("moe_layer_freq", "1");
}

}  // namespace ttt::models
