#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "ask.h"
#include "ttt/building_blocks/embeddings/rotary_config.h"
#include "ttt/core/error.h"
#include "ttt/formats/common_keys.h"

namespace ttt::app {
namespace {

using Json = nlohmann::json;

/// What a key may be in terms of blocks; and the JSON value at which it changes nothing, where there is one.
struct Hint {
  std::string_view key, guess;
  std::string harmless = {};
};

/// Keys that are known to change the math; a key that is not here is asked about too, without a guess.
std::vector<Hint> hints(const InferredModel& m) {
  const auto json = [](bool value) { return value ? "true" : "false"; };
  return {
      {"alibi", "is there no block for this yet", "false"},
      {"attention_multiplier", "is it the attention's .scale"},
      {"attn_logit_softcapping", "is it the attention's .softcap"},
      {"embedding_multiplier", "is it Embedding::Config::scale", "1.0"},
      {"final_logit_softcapping", "is it LMHead::Config::softcap"},
      {"first_k_dense_replace", "have that many first layers no experts"},
      {"kv_lora_rank", "is it MultiHeadLatentAttention's"},
      {"logit_scale", "is it LMHead::Config::scale", "1.0"},
      {"logits_scaling", "is 1 / it LMHead::Config::scale", "1.0"},
      {"multi_query", "is there one head of keys and values for all"},
      {"n_positions", "is it PositionEmbedding's num_positions"},
      {"no_rope_layer_interval", "which layers have no .rope"},
      {"no_rope_layers", "which layers have no .rope"},
      {"parallel_attn", "is it ParallelLayer", json(m.parallel())},
      {"parallel_residual", "is it ParallelLayer", json(m.parallel())},
      {"qk_layernorm", "are queries and keys normalised", json(m.q_norm.has_value())},
      {"query_pre_attn_scalar", "is the attention's .scale 1 / sqrt of it"},
      {"residual_multiplier", "is it the layer's .residual_scale", "1.0"},
      {"rope_interleave", "is the rotary embedding's .style ops::RotaryStyle::interleaved", "false"},
      {"rope_local_base_freq", "have layers with a window a rotary embedding of their own"},
      {"rope_parameters.full_attention", "has each kind of layer its own rotary embedding (read_rotary's .layer_type)"},
      {"rope_parameters.sliding_attention",
       "has each kind of layer its own rotary embedding (read_rotary's .layer_type)"},
      {"routed_scaling_factor", "is it RoutingRule::scale", "1.0"},
      {"scale_attn_by_inverse_layer_idx", "is the attention's .scale divided by the layer's number, from 1", "false"},
      {"scale_attn_weights", "is the attention's .scale 1 without it", "true"},
      {"scoring_func", "is it RoutingRule::scores", "\"softmax\""},
      {"_sliding_window_pattern", "which layers have a window"},
      {"sliding_window_pattern", "which layers have a window"},
      {"swiglu_alpha", "is it GatedActivation::clamped_swiglu's alpha"},
      {"swiglu_limit", "is it GatedActivation::clamped_swiglu's limit"},
      {"use_bidirectional_attention", "is the mask Mask::bidirectional()", "false"},
      {"use_parallel_residual", "is it ParallelLayer", json(m.parallel())},
      {"use_qk_norm", "are queries and keys normalised", json(m.q_norm.has_value())},
  };
}

/// Of training, or read by `read_rotary` where they matter.
constexpr std::array<std::string_view, 8> kWithoutEffect{
    "aux_loss_alpha",       "gradient_checkpointing", "is_decoder",          "original_max_position_embeddings",
    "output_router_logits", "router_aux_loss_coef",   "router_jitter_noise", "seq_aux",
};

/// The keys that the draft reads by their names (templates.h), but for the rotary embedding's.
std::vector<std::string_view> keys_of_draft(const InferredModel& m) {
  std::vector<std::string_view> keys{"head_dim",    "vocab_size",   "tie_word_embeddings", m.hidden_size,
                                     m.num_heads,   m.num_layers,   m.intermediate_size,   m.eps,
                                     m.activation,  m.qkv_bias_key, m.output_bias_key,     m.ffn_bias_key,
                                     m.num_kv_heads};
  if (m.has_window_keys)
    keys.insert(keys.end(), {"sliding_window", "use_sliding_window", "layer_types", "max_window_layers"});
  if (m.has_experts) keys.insert(keys.end(), {m.num_experts_key, m.experts_per_token_key, m.normalize_key});
  return keys;
}

/// Leaves unread what the draft does not read.
void read_as_the_draft(const ConfigReader& config, InferredModel& m) {
  std::string quantization;
  if (const auto q = config.object("quantization_config")) {
    quantization = q->string("quant_method", "");
    m.questions.push_back(fmt::format(
        "The weights are quantised as {}: which blocks take them so? Until ignore_common_keys(config, \"{}\") says "
        "that they are taken, loading stops with an error.",
        quantization, quantization));
  }
  ignore_common_keys(config, quantization);
  config.ignore(keys_of_draft(m));
  try {
    const auto heads = std::max<std::int64_t>(1, config.integer(m.num_heads, 1));
    RotaryConfigOptions options{
        .head_dim = config.dimension("head_dim", static_cast<int>(config.integer(m.hidden_size, heads) / heads))};
    if (m.has_partial_rotary_factor) options.default_partial_rotary_factor = 1.0f;
    read_rotary(config, options);
  } catch (const ConfigError& e) {
    m.questions.push_back(fmt::format("read_rotary cannot read this config: {}. How are positions encoded?", e.what()));
  }
}

/// "rope_parameters.factor" in the document.
Json value_at(const Json& document, std::string_view path) {
  const auto dot = path.find('.');
  const auto& value = document.at(std::string(path.substr(0, dot)));
  return dot == path.npos ? value : value_at(value, path.substr(dot + 1));
}

std::string shown(const Json& value) {
  constexpr std::size_t kMax = 80;
  const auto text = value.dump(-1, ' ', true);
  return text.size() > kMax ? text.substr(0, kMax) + "..." : text;
}

/// Kinds of layers that the draft's masks do not know.
void ask_about_layer_types(const ConfigReader& config, InferredModel& m) {
  const bool listed = config.has("layer_types");
  const auto types = listed ? config.strings("layer_types") : std::vector<std::string>{};
  for (const auto& type : std::set(types.begin(), types.end()))
    if (type != "full_attention" && type != "sliding_attention")
      m.questions.push_back(fmt::format("What is a layer of type \"{}\" in layer_types?", type));
  const bool on = config.integer("sliding_window", 0) > 0 && config.boolean("use_sliding_window", false);
  if (on && !listed && !config.has("max_window_layers"))
    m.questions.push_back(
        "Which layers have a window? Here all, for the config has neither layer_types nor max_window_layers.");
}

}  // namespace

void ask_about_keys(const ConfigReader& config, InferredModel& m) {
  const auto document = Json::parse(config.json());
  const auto reader = ConfigReader::parse(config.json(), config.where());  // has a record of its own
  read_as_the_draft(reader, m);
  ask_about_layer_types(config, m);
  const auto known = hints(m);
  for (const auto& key : reader.unread()) {
    const auto value = value_at(document, key);
    const auto hint = std::ranges::find(known, key, &Hint::key);
    const bool top_level = key.find('.') == key.npos;
    if (std::ranges::find(kWithoutEffect, key) != kWithoutEffect.end())
      m.ignored.push_back(key);
    else if (top_level && hint != known.end() && !hint->harmless.empty() && value == Json::parse(hint->harmless))
      m.required.emplace_back(key, hint->harmless);
    else
      m.questions.push_back(fmt::format("The config has {} = {}, and nothing here reads it: {}?", key, shown(value),
                                        hint != known.end() ? hint->guess : "what does it change"));
  }
}

}  // namespace ttt::app
