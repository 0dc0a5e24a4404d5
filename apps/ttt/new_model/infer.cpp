#include "infer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "ask.h"
#include "ttt/core/error.h"

namespace ttt::app {
namespace {

/// The first of the keys that the config has. Asks when it has none; the draft then takes `otherwise`, or stops.
std::string key_of(const ConfigReader& config, Names keys, InferredModel& m, std::string_view what,
                   std::string_view otherwise = {}) {
  const auto key = config.spelling(keys);
  if (!config.has(key))
    m.questions.push_back(fmt::format("Which config key holds {}? None of {} is there{}.", what, fmt::join(keys, ", "),
                                      otherwise.empty() ? "" : fmt::format("; here it is {}", otherwise)));
  return std::string(key);
}

/// The first of the keys that is there, if it holds what the tensors show.
std::string key_that_says(const ConfigReader& config, Names keys, bool shown) {
  const auto key = config.spelling(keys);
  return config.has(key) && config.boolean(key) == shown ? std::string(key) : std::string();
}

void infer_keys(const ConfigReader& c, InferredModel& m) {
  m.hidden_size = key_of(c, {"hidden_size", "n_embd", "d_model"}, m, "the hidden size");
  m.num_layers = key_of(c, {"num_hidden_layers", "n_layer", "num_layers"}, m, "the number of layers");
  m.num_heads = key_of(c, {"num_attention_heads", "n_head"}, m, "the number of heads");
  const auto kv_heads = c.spelling({"num_key_value_heads", "num_kv_heads"});
  m.has_kv_heads_key = c.has(kv_heads);
  m.num_kv_heads = m.has_kv_heads_key ? kv_heads : m.num_heads;
  m.eps = key_of(c, {"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"}, m,
                 "the norms' epsilon", "1e-5");
  m.has_eps = c.has(m.eps);
  m.activation =
      key_of(c, {"hidden_act", "hidden_activation", "activation_function", "activation"}, m, "the activation", "silu");
  m.has_activation = c.has(m.activation);
  m.has_partial_rotary_factor = has_rope_key(c, {"partial_rotary_factor"});
  constexpr std::array<std::string_view, 4> kWindowKeys{"sliding_window", "use_sliding_window", "layer_types",
                                                        "max_window_layers"};
  m.has_window_keys = std::ranges::any_of(kWindowKeys, [&](auto key) { return c.has(key); });
  m.has_window_switch = c.has("use_sliding_window");
}

void infer_outside(const Tensors& tensors, InferredModel& m) {
  const auto embedding =
      tensors.module_outside({"embed_tokens", "wte", "embed_in", "word_embeddings", "tok_embeddings"}, 2);
  if (!embedding)
    throw FormatError("new-model",
                      "no tensor looks like a token embedding; expected a name such as model.embed_tokens.weight");
  m.embedding = *embedding;
  const auto norm = tensors.module_outside({"norm", "ln_f", "final_layer_norm", "final_layernorm"}, 1);
  m.norm = norm.value_or("model.norm");
  if (!norm) m.questions.push_back("Which tensor is the last norm's?");
  m.head = tensors.module_outside({"lm_head", "embed_out", "output"}, 2);
  m.head_bias = tensors.outside().contains(m.head.value_or("lm_head") + ".bias");
  m.learned_positions = tensors.module_outside({"wpe", "embed_positions", "position_embeddings"}, 2).has_value();
  if (m.learned_positions)
    m.questions.push_back(
        "Positions are learned: give CausalLM::positions a PositionEmbedding, and take the rotary embedding "
        "away.");
}

void infer_query_key_norm(const ConfigReader& c, const Tensors& tensors, InferredModel& m) {
  const auto q_norm = tensors.module({"q_norm", "q_layernorm"}), k_norm = tensors.module({"k_norm", "k_layernorm"});
  if (!q_norm || !k_norm) return;
  m.q_norm = last(*q_norm), m.k_norm = last(*k_norm);
  m.qk_norm_bias = tensors.has(*q_norm + ".bias");
  const auto shape = tensors.shape(*q_norm + ".weight");
  const auto head_dim =
      c.integer("head_dim", c.integer(m.hidden_size, 1) / std::max<std::int64_t>(1, c.integer(m.num_heads, 1)));
  m.qk_norm_scope = shape.rank() == 2 ? "per_head" : shape[0] == head_dim ? "shared" : "all_heads";
}

void infer_attention(const ConfigReader& c, const Tensors& tensors, InferredModel& m) {
  m.grouped = c.integer(m.num_kv_heads, 1) != c.integer(m.num_heads, 1);
  m.fused_qkv = tensors.module({"qkv_proj", "query_key_value", "c_attn", "Wqkv"});
  const auto q = m.fused_qkv ? m.fused_qkv : tensors.module({"q_proj", "query", "wq"});
  if (!q) {
    m.attention = "self_attn";
    m.questions.push_back(
        "Which tensors are the attention's? No q_proj and no fused projection was found; latent attention is "
        "MultiHeadLatentAttention.");
    return;
  }
  m.attention = parent(*q);
  const auto k = tensors.module({"k_proj", "key", "wk"}), v = tensors.module({"v_proj", "value", "wv"});
  if (m.fused_qkv) {
    m.fused_qkv = last(*m.fused_qkv);
    m.questions.push_back(
        fmt::format("{} holds queries, keys and values one after the other here; are they in groups by head "
                    "instead? Then permute its rows first (Weights::rows_permuted).",
                    *m.fused_qkv));
  } else if (k && v) {
    m.q = last(*q), m.k = last(*k), m.v = last(*v);
  } else {
    m.questions.push_back(
        "Which tensors make keys and values? No k_proj and v_proj was found; latent attention is "
        "MultiHeadLatentAttention.");
  }
  for (const std::string_view name : {"o_proj", "dense", "out_proj", "c_proj", "wo"})
    if (tensors.has(m.attention + "." + std::string(name) + ".weight")) {
      m.o = name;
      break;
    }
  m.qkv_bias = tensors.has(*q + ".bias");
  m.output_bias = tensors.has(m.attention + "." + m.o + ".bias");
  if (m.qkv_bias == m.output_bias)
    m.qkv_bias_key = m.output_bias_key = key_that_says(c, {"attention_bias", "use_bias", "bias"}, m.qkv_bias);
  if (m.qkv_bias_key.empty()) m.qkv_bias_key = key_that_says(c, {"qkv_bias", "use_qkv_bias"}, m.qkv_bias);
  if (tensors.has(m.attention + ".sinks"))
    m.questions.push_back("Attention has sinks: set .sinks = true in GroupedQueryAttention::Config.");
}

/// Experts in any layer; says whether there are.
bool infer_experts(const ConfigReader& c, const Tensors& tensors, InferredModel& m) {
  constexpr std::string_view kExperts = ".experts.";
  const auto expert = std::ranges::find_if(
      tensors.in_layer(), [&](const auto& tensor) { return tensor.first.find(kExperts) != std::string::npos; });
  if (expert == tensors.in_layer().end()) return false;
  m.has_experts = m.gated = true;
  m.ffn = expert->first.substr(0, expert->first.find(kExperts));
  if (tensors.has(m.ffn + ".router.weight")) m.router = "router";
  m.router_bias = tensors.has(m.ffn + "." + m.router + ".bias");
  const auto prefix = m.ffn + ".experts.0.";
  if (tensors.has(prefix + "w1.weight")) m.gate = "w1", m.up = "w3", m.down = "w2";
  m.ffn_bias = tensors.has(prefix + m.down + ".bias");
  m.ffn_bias_key = key_that_says(c, {"mlp_bias", "use_bias", "bias"}, m.ffn_bias);
  m.num_experts_key = key_of(c, {"num_experts", "num_local_experts", "n_routed_experts"}, m, "the number of experts");
  m.experts_per_token_key =
      key_of(c, {"num_experts_per_tok", "experts_per_token"}, m, "how many experts a token goes to");
  m.normalize_key = c.has("norm_topk_prob") ? "norm_topk_prob" : "";
  m.intermediate_size = key_of(c, {"moe_intermediate_size", "intermediate_size"}, m, "the experts' size");
  m.questions.push_back(fmt::format(
      "There are experts: is the routing by softmax, as here, or by sigmoid (RoutingRule::scores)? Are the chosen "
      "experts' weights normalised ({}; RoutingRule::normalize_selected), scaled, chosen in groups?",
      m.normalize_key.empty() ? "here they are not" : "here norm_topk_prob says it"));
  if (!tensors.has(prefix + m.down + ".weight"))
    m.questions.push_back(
        "Experts are not stored one by one: take each from the tensors that hold them all (Weights::indexed, then "
        "transposed, rows_permuted or sliced as they are stored).");
  return true;
}

void infer_ffn(const ConfigReader& c, const Tensors& tensors, InferredModel& m) {
  if (infer_experts(c, tensors, m)) return;
  m.fused_gate_up = tensors.module({"gate_up_proj"});
  const auto down = tensors.module({"down_proj", "fc2", "dense_4h_to_h", "w2"});
  const auto gate = tensors.module({"gate_proj", "w1"});
  const auto up = tensors.module({"up_proj", "fc1", "dense_h_to_4h", "c_fc", "w3"});
  m.gated = gate || m.fused_gate_up;
  const auto first = m.fused_gate_up ? m.fused_gate_up : up;
  if (!first) {
    m.ffn = "mlp";
    m.questions.push_back("Which tensors are the feed-forward layer's?");
  } else {
    m.ffn = parent(*first);
    if (m.fused_gate_up) m.fused_gate_up = last(*m.fused_gate_up);
    if (gate) m.gate = last(*gate);
    if (up) m.up = last(*up);
    m.down = down ? last(*down) : tensors.has(m.ffn + ".c_proj.weight") ? "c_proj" : "down_proj";
    m.ffn_bias = tensors.has(*first + ".bias");
    m.ffn_bias_key = key_that_says(c, {"mlp_bias", "use_bias", "bias"}, m.ffn_bias);
  }
  const Names sizes{"intermediate_size", "ffn_hidden_size", "n_inner", "d_ff"};
  m.intermediate_size = c.spelling(sizes);
  if (c.has(m.intermediate_size)) return;
  if (up && tensors.shape(*up + ".weight").rank() == 2) {
    const std::int64_t size = c.dimension(m.hidden_size, 1), count = tensors.shape(*up + ".weight").count();
    if (count % (size * size) == 0) m.ffn_ratio = static_cast<int>(count / (size * size));
  }
  m.questions.push_back(fmt::format(
      "Which config key holds the feed-forward layer's size? None of {} is there{}.", fmt::join(sizes, ", "),
      m.ffn_ratio ? fmt::format("; here it is {} * {}", *m.ffn_ratio, m.hidden_size) : ""));
}

/// Matrices stored [in, out]: where one is not square and what should be its columns are its rows.
void infer_storage(const ConfigReader& c, const Tensors& tensors, InferredModel& m) {
  const auto hidden = c.integer(m.hidden_size, 0);
  for (const auto& module :
       {m.attention + "." + m.fused_qkv.value_or(m.q), m.ffn + "." + m.fused_gate_up.value_or(m.up)}) {
    if (!tensors.has(module + ".weight")) continue;
    const auto shape = tensors.shape(module + ".weight");
    if (shape.rank() == 2 && shape[0] == hidden && shape[1] != hidden) m.stored_in_out = true;
  }
}

void infer_norms(const Tensors& tensors, InferredModel& m) {
  std::vector<std::string> norms;
  for (const auto& [name, layers] : tensors.in_layer())
    if (name.ends_with(".weight") && tensors.shape(name).rank() == 1 && name.find('.') == name.size() - 7)
      norms.push_back(name.substr(0, name.size() - 7));
  const auto pick = [&](Names names) {
    for (const auto name : names)
      if (std::ranges::find(norms, name) != norms.end()) return std::string(name);
    return std::string();
  };
  const auto before = pick({"input_layernorm", "ln_1", "ln_attn", "attention_norm"}),
             second = pick({"post_attention_layernorm", "ln_2", "ln_mlp", "ffn_norm"});
  const auto pre_ffn = pick({"pre_feedforward_layernorm"}), post_ffn = pick({"post_feedforward_layernorm"});
  if (!before.empty() && !pre_ffn.empty() && !post_ffn.empty()) {
    m.placement = NormPlacement::sandwich;
    m.attention_norm = before, m.attention_output_norm = second, m.ffn_norm = pre_ffn, m.ffn_output_norm = post_ffn;
  } else if (before.empty() && !second.empty() && !post_ffn.empty()) {
    m.placement = NormPlacement::output;
    m.attention_norm = second, m.ffn_norm = post_ffn;
  } else if (!before.empty() && second.empty()) {
    m.placement = NormPlacement::parallel_shared;
    m.attention_norm = before;
    m.questions.push_back(
        "A layer has one norm, so attention and feed-forward layer run side by side after it. Is that so?");
  } else if (second == "ln_mlp") {
    m.placement = NormPlacement::parallel_separate;
    m.attention_norm = before, m.ffn_norm = second;
  } else {
    m.attention_norm = before.empty() ? "input_layernorm" : before;
    m.ffn_norm = second.empty() ? "post_attention_layernorm" : second;
    if (norms.size() != 2)
      m.questions.push_back(
          fmt::format("A layer has {} norms ({}); where do they stand?", norms.size(), fmt::join(norms, ", ")));
  }
  m.norm_bias = !norms.empty() && tensors.has(norms.front() + ".bias");
  m.layer_norm = m.norm_bias || m.eps.starts_with("layer_norm");
}

}  // namespace

InferredModel infer_model(const ConfigReader& config, const WeightSource& source) {
  const Tensors tensors(source);
  InferredModel m;
  m.model_type = config.string("model_type");
  m.layers = tensors.layers();
  infer_keys(config, m);
  infer_outside(tensors, m);
  infer_attention(config, tensors, m);
  infer_query_key_norm(config, tensors, m);
  infer_ffn(config, tensors, m);
  infer_storage(config, tensors, m);
  infer_norms(tensors, m);
  ask_about_tensors(config, tensors, m);
  ask_about_keys(config, m);
  ask_what_no_file_shows(config, m);
  return m;
}

}  // namespace ttt::app
