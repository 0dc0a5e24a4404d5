#include "infer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

using Names = std::initializer_list<std::string_view>;

/// The tensors of the first layer, by their names within it, and those outside all layers.
class Tensors {
 public:
  explicit Tensors(const WeightSource& source) : source_(source) {
    std::map<std::string, int> votes;  // of what may stand before ".0."
    for (const auto& name : source.names())
      if (const auto at = name.find(".0."); at != name.npos) ++votes[name.substr(0, at)];
    for (const auto& [prefix, count] : votes)
      if (count > (layers_.empty() ? 0 : votes[layers_])) layers_ = prefix;
    if (layers_.empty())
      throw FormatError(source.where(),
                        "no tensor has a layer's number in its name; expected names such as model.layers.0...");
    for (const auto& name : source.names()) {
      const bool in_layer = name.starts_with(layers_ + ".");
      if (name.starts_with(layers_ + ".0."))
        layer_.insert(name.substr(layers_.size() + 3));
      else if (in_layer)
        later_.insert(name.substr(name.find('.', layers_.size() + 1) + 1));
      else
        outside_.insert(name);
    }
  }
  /// Names that some later layer has and the first one has not.
  std::vector<std::string> only_later() const {
    std::vector<std::string> names;
    std::ranges::set_difference(later_, layer_, std::back_inserter(names));
    return names;
  }

  const std::string& layers() const { return layers_; }
  const std::set<std::string>& in_layer() const { return layer_; }
  const std::set<std::string>& outside() const { return outside_; }
  bool has(const std::string& in_layer) const { return layer_.contains(in_layer); }
  Shape shape(const std::string& in_layer) const { return source_.find(layers_ + ".0." + in_layer)->shape; }
  Shape shape_outside(const std::string& name) const { return source_.find(name)->shape; }

  /// The module ("self_attn.q_proj") whose last part is one of `names` and that has a weight.
  std::optional<std::string> module(Names names) const {
    for (const auto name : names)
      for (const auto& tensor : layer_) {
        const auto weight = std::string(name) + ".weight";
        if (tensor == weight || tensor.ends_with("." + weight)) return tensor.substr(0, tensor.size() - 7);
      }
    return std::nullopt;
  }

 private:
  const WeightSource& source_;
  std::string layers_;
  std::set<std::string> layer_, later_, outside_;
};

std::string parent(const std::string& module) {
  return module.substr(0, module.rfind('.') == module.npos ? 0 : module.rfind('.'));
}
std::string last(const std::string& module) {
  return module.substr(module.rfind('.') == module.npos ? 0 : module.rfind('.') + 1);
}

std::string key_of(const ConfigReader& config, Names keys, InferredModel& m, std::string_view what) {
  for (const auto key : keys)
    if (config.has(key)) return std::string(key);
  m.questions.push_back(fmt::format("Which config key holds {}? None of {} is there.", what, fmt::join(keys, ", ")));
  return std::string(*keys.begin());
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
  m.num_kv_heads = c.has("num_key_value_heads") ? "num_key_value_heads"
                   : c.has("num_kv_heads")      ? "num_kv_heads"
                                                : m.num_heads;
  m.intermediate_size =
      key_of(c, {"intermediate_size", "ffn_hidden_size", "n_inner", "d_ff"}, m, "the feed-forward layer's size");
  m.eps = key_of(c, {"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"}, m,
                 "the norms' epsilon");
  m.activation =
      key_of(c, {"hidden_act", "hidden_activation", "activation_function", "activation"}, m, "the activation");
  m.window = c.integer("sliding_window", 0) > 0 && c.boolean("use_sliding_window", true);
}

void infer_outside(const Tensors& tensors, InferredModel& m) {
  const auto find = [&](Names ends, int rank) -> std::optional<std::string> {
    for (const auto end : ends)
      for (const auto& name : tensors.outside())
        if (name.ends_with(std::string(end) + ".weight") &&
            static_cast<int>(tensors.shape_outside(name).rank()) == rank)
          return name.substr(0, name.size() - 7);
    return std::nullopt;
  };
  const auto embedding = find({"embed_tokens", "wte", "embed_in", "word_embeddings", "tok_embeddings"}, 2);
  if (!embedding)
    throw FormatError("new-model",
                      "no tensor looks like a token embedding; expected a name such as model.embed_tokens.weight");
  m.embedding = *embedding;
  const auto norm = find({"norm", "ln_f", "final_layer_norm", "final_layernorm"}, 1);
  m.norm = norm.value_or("model.norm");
  if (!norm) m.questions.push_back("Which tensor is the last norm's?");
  m.head = find({"lm_head", "embed_out", "output"}, 2);
  if (find({"wpe", "embed_positions", "position_embeddings"}, 2))
    m.questions.push_back(
        "Positions are learned: give CausalLM::positions a PositionEmbedding, and take the rotary embedding "
        "away.");
}

void infer_attention(const ConfigReader& c, const Tensors& tensors, InferredModel& m) {
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
  }
  for (const std::string_view name : {"o_proj", "dense", "out_proj", "c_proj", "wo"})
    if (tensors.has(m.attention + "." + std::string(name) + ".weight")) {
      m.o = name;
      break;
    }
  m.qkv_bias = tensors.has(*q + ".bias");
  m.output_bias = tensors.has(m.attention + "." + m.o + ".bias");
  if (m.qkv_bias == m.output_bias) m.attention_bias_key = key_that_says(c, {"attention_bias", "use_bias"}, m.qkv_bias);
  m.grouped = c.integer(m.num_kv_heads, 1) != c.integer(m.num_heads, 1);

  const auto q_norm = tensors.module({"q_norm", "q_layernorm"}), k_norm = tensors.module({"k_norm", "k_layernorm"});
  if (q_norm && k_norm) {
    m.q_norm = last(*q_norm), m.k_norm = last(*k_norm);
    const auto shape = tensors.shape(*q_norm + ".weight");
    const auto head_dim =
        c.integer("head_dim", c.integer(m.hidden_size, 1) / std::max<std::int64_t>(1, c.integer(m.num_heads, 1)));
    m.qk_norm_scope = shape.rank() == 2 ? "per_head" : shape[0] == head_dim ? "shared" : "all_heads";
  }
  if (tensors.has(m.attention + ".sinks"))
    m.questions.push_back("Attention has sinks: set .sinks = true in its Config.");
}

void infer_ffn(const ConfigReader& config, const Tensors& tensors, InferredModel& m) {
  const auto is_expert = [](const std::string& name) { return name.find(".experts.") != name.npos; };
  m.has_experts =
      std::ranges::any_of(tensors.in_layer(), is_expert) || std::ranges::any_of(tensors.only_later(), is_expert);
  if (m.has_experts)
    m.questions.push_back(
        "There are experts: use MixtureOfExperts with a Router::Config. Is the routing by softmax or "
        "sigmoid, and are the chosen weights normalised?");
  m.fused_gate_up = tensors.module({"gate_up_proj"});
  const auto down = tensors.module({"down_proj", "fc2", "dense_4h_to_h", "w2"});
  const auto gate = tensors.module({"gate_proj", "w1"});
  const auto up = tensors.module({"up_proj", "fc1", "dense_h_to_4h", "c_fc", "w3"});
  m.gated = gate || m.fused_gate_up;
  const auto first = m.fused_gate_up ? m.fused_gate_up : up;
  if (!first || std::ranges::any_of(tensors.in_layer(), is_expert)) {
    m.ffn = "mlp";
    if (!m.has_experts) m.questions.push_back("Which tensors are the feed-forward layer's?");
    return;
  }
  m.ffn = parent(*first);
  if (m.fused_gate_up) m.fused_gate_up = last(*m.fused_gate_up);
  if (gate) m.gate = last(*gate);
  if (up) m.up = last(*up);
  m.down = down ? last(*down) : tensors.has(m.ffn + ".c_proj.weight") ? "c_proj" : "down_proj";
  m.ffn_bias = tensors.has(*first + ".bias");
  m.ffn_bias_key = key_that_says(config, {"mlp_bias", "use_bias"}, m.ffn_bias);
}

void infer_norms(const Tensors& tensors, InferredModel& m) {
  std::vector<std::string> norms;
  for (const auto& name : tensors.in_layer())
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

/// Whatever no block was found for.
void ask_about_the_rest(const Tensors& tensors, InferredModel& m) {
  std::set<std::string> known{m.attention_norm, m.attention_output_norm, m.ffn_norm, m.ffn_output_norm};
  const auto add = [&](const std::string& parent, std::initializer_list<std::optional<std::string>> names) {
    for (const auto& name : names)
      if (name) known.insert(parent + "." + *name);
  };
  if (m.fused_qkv)
    add(m.attention, {m.fused_qkv, m.o});
  else
    add(m.attention, {m.q, m.k, m.v, m.o, m.q_norm, m.k_norm});
  if (m.fused_gate_up)
    add(m.ffn, {m.fused_gate_up, m.down});
  else
    add(m.ffn, {m.gate, m.up, m.down});
  std::vector<std::string> rest;
  for (const auto& name : tensors.in_layer()) {
    const auto module = parent(name);
    if (!known.contains(module) && name.find(".experts.") == name.npos && !name.ends_with("inv_freq"))
      rest.push_back(name);
  }
  if (!rest.empty()) m.questions.push_back(fmt::format("What are these tensors of a layer? {}", fmt::join(rest, ", ")));
  const auto later = tensors.only_later();
  if (!later.empty())
    m.questions.push_back(fmt::format(
        "Later layers differ from the first: {} and so on. Which layers are of which kind?", later.front()));
}

/// Keys that change the math in one family or another, and what of a block they may be.
void ask_about_keys(const ConfigReader& config, InferredModel& m) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kKeys{{
      {"alibi", "is there no block for this yet"},
      {"attention_multiplier", "is it the attention's .scale"},
      {"attn_logit_softcapping", "is it the attention's .softcap"},
      {"embedding_multiplier", "is it Embedding::Config::scale"},
      {"final_logit_softcapping", "is it LMHead::Config::softcap"},
      {"logit_scale", "is it LMHead::Config::scale"},
      {"logits_scaling", "is 1 / it LMHead::Config::scale"},
      {"no_rope_layers", "which layers have no .rope"},
      {"parallel_residual", "is it ParallelLayer"},
      {"query_pre_attn_scalar", "is the attention's .scale 1 / sqrt of it"},
      {"residual_multiplier", "is it the layer's .residual_scale"},
      {"use_parallel_residual", "is it ParallelLayer"},
  }};
  for (const auto& [key, guess] : kKeys)
    if (config.has(key))
      m.questions.push_back(fmt::format("The config has {}, and nothing here reads it: {}?", key, guess));
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
  infer_ffn(config, tensors, m);
  infer_norms(tensors, m);
  ask_about_the_rest(tensors, m);
  ask_about_keys(config, m);
  return m;
}

}  // namespace ttt::app
