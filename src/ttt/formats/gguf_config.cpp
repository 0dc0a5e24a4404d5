#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ttt/core/error.h"
#include "ttt/formats/checkpoint.h"
#include "ttt/formats/strict_json.h"

namespace ttt::inline v2 {
namespace {

using Json = nlohmann::json;

struct Spelling {
  std::string_view gguf;  // after "<arch>."
  std::string_view hugging_face;
};
constexpr std::array<Spelling, 37> kTopLevel{{
    {"block_count", "num_hidden_layers"},
    {"embedding_length", "hidden_size"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads"},
    {"attention.key_length", "head_dim"},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
    {"context_length", "max_position_embeddings"},
    {"vocab_size", "vocab_size"},
    {"attention.sliding_window", "sliding_window"},
    {"rope.dimension_count", "rope_dim"},
    {"rope.freq_base_swa", "rope_local_base_freq"},
    {"attention.key_length_mla", "qk_head_dim"},
    {"attention.value_length_mla", "v_head_dim"},
    {"attention.q_lora_rank", "q_lora_rank"},
    {"attention.kv_lora_rank", "kv_lora_rank"},
    {"attention.scale", "attention_multiplier"},
    {"attention.causal", "is_decoder"},
    {"embedding_scale", "embedding_multiplier"},
    {"residual_scale", "residual_multiplier"},
    {"logit_scale", "logit_scale"},
    {"attn_logit_softcapping", "attn_logit_softcapping"},
    {"final_logit_softcapping", "final_logit_softcapping"},
    {"use_parallel_residual", "use_parallel_residual"},
    {"expert_count", "num_local_experts"},
    {"expert_used_count", "num_experts_per_tok"},
    {"expert_feed_forward_length", "moe_intermediate_size"},
    {"expert_shared_feed_forward_length", "shared_expert_intermediate_size"},
    {"expert_shared_count", "n_shared_experts"},
    {"expert_weights_scale", "routed_scaling_factor"},
    {"expert_weights_norm", "norm_topk_prob"},
    {"expert_group_count", "n_group"},
    {"expert_group_used_count", "topk_group"},
    {"expert_gating_func", "scoring_func"},
    {"leading_dense_block_count", "first_k_dense_replace"},
    {"pooling_type", "pooling_type"},
}};
constexpr std::array<Spelling, 8> kRope{{
    {"rope.freq_base", "rope_theta"},
    {"rope.scaling.type", "rope_type"},
    {"rope.scaling.factor", "factor"},
    {"rope.scaling.original_context_length", "original_max_position_embeddings"},
    {"rope.scaling.attn_factor", "attention_factor"},
    {"rope.scaling.yarn_beta_fast", "beta_fast"},
    {"rope.scaling.yarn_beta_slow", "beta_slow"},
    {"rope.scaling.yarn_log_multiplier", "mscale_all_dim"},
}};

template <std::size_t N>
std::optional<std::string_view> respell(const std::array<Spelling, N>& table, std::string_view key) {
  for (const auto& entry : table)
    if (entry.gguf == key) return entry.hugging_face;
  return std::nullopt;
}

/// JSON has no NaN or infinity: null, which reads as absent.
Json to_json(const GgufValue& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

/// A list with one value per layer that are all the same is that value.
Json uniform_as_scalar(Json value) {
  if (!value.is_array() || value.empty()) return value;
  const auto& first = value.front();
  if (!std::all_of(value.begin(), value.end(), [&](const Json& item) { return item == first; })) return value;
  return Json(first);
}

Json rope_value(std::string_view key, Json value) {
  if (key == "rope_type" && value == "none") return "default";
  // Stored as the whole factor of log(scale), 0.1 of it yarn's own.
  if (key == "mscale_all_dim" && value.is_number()) return value.get<double>() * 10.0;
  return value;
}

Json top_level_value(std::string_view key, Json value) {
  if (key == "scoring_func")
    return value == 1 ? "softmax" : value == 2 ? "sigmoid" : value == 3 ? "softmax_of_selected" : std::move(value);
  return uniform_as_scalar(std::move(value));
}

std::string architecture(const GgufFile& file) {
  const auto* value = file.find_metadata("general.architecture");
  const auto* text = value ? std::get_if<std::string>(value) : nullptr;
  if (!text || text->empty()) throw FormatError(file.where(), "general.architecture is missing or not a string");
  return *text;
}

void add_vocab_size(const GgufFile& file, Json& out) {
  if (out.contains("vocab_size")) return;
  const auto* tokens = file.find_metadata("tokenizer.ggml.tokens");
  if (const auto* list = tokens ? std::get_if<std::vector<std::string>>(tokens) : nullptr)
    out["vocab_size"] = list->size();
}

bool rope_has_mscale(const Json& config) {
  const auto rope = config.find("rope_parameters");
  return rope != config.end() && rope->contains("mscale_all_dim");
}

bool has_tensor(const GgufFile& file, std::string_view name) {
  const auto names = file.names();
  return std::binary_search(names.begin(), names.end(), name);
}

}  // namespace

ConfigReader gguf_config(const GgufFile& file) {
  const auto arch = architecture(file);
  auto out = Json::object();
  auto rope = Json::object();
  for (const auto& [key, value] : file.metadata()) {
    if (key.starts_with("general.") || key.starts_with("tokenizer.")) continue;
    // The tensors' shapes and order say these.
    if (key.ends_with(".attention.value_length") || key.ends_with(".tensor_data_layout")) continue;
    const auto short_key = key.starts_with(arch + ".") ? std::string_view(key).substr(arch.size() + 1) : "";
    if (const auto name = respell(kTopLevel, short_key))
      out[std::string(*name)] = top_level_value(*name, to_json(value));
    else if (const auto nested = respell(kRope, short_key))
      rope[std::string(*nested)] = rope_value(*nested, to_json(value));
    else
      out[key] = to_json(value);
  }
  out["model_type"] = arch;
  if (!rope.empty() && !rope.contains("rope_type")) rope["rope_type"] = "default";
  if (!rope.empty()) out["rope_parameters"] = std::move(rope);
  add_vocab_size(file, out);
  if (rope_has_mscale(out)) out["rope_parameters"]["mscale"] = out["rope_parameters"]["mscale_all_dim"];
  out["tie_word_embeddings"] = !has_tensor(file, "output.weight");
  const auto any_tensor = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(names, [&](std::string_view name) { return has_tensor(file, name); });
  };
  out["attention_bias"] = any_tensor({"blk.0.attn_q.bias", "blk.0.attn_qkv.bias"});
  out["mlp_bias"] = any_tensor({"blk.0.ffn_up.bias"});
  out["use_qk_norm"] = any_tensor({"blk.0.attn_q_norm.weight"});
  auto config = ConfigReader::parse(out.dump(), file.where());
  // What the tensors show is checked with them, whether or not a model reads it here.
  constexpr std::array<std::string_view, 3> kShown{"attention_bias", "mlp_bias", "use_qk_norm"};
  config.ignore(kShown);
  return config;
}

}  // namespace ttt::inline v2
