#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ask.h"

namespace ttt::app {
namespace {

using NameSet = std::set<std::string>;

void add(NameSet& names, const std::string& module, bool bias) {
  names.insert(module + ".weight");
  if (bias) names.insert(module + ".bias");
}

void add_layer(NameSet& taken, const InferredModel& m, const std::string& layer, std::int64_t num_experts) {
  for (const auto& norm : {m.attention_norm, m.attention_output_norm, m.ffn_norm, m.ffn_output_norm})
    if (!norm.empty()) add(taken, layer + norm, m.norm_bias);
  const auto attention = layer + m.attention + ".", ffn = layer + m.ffn + ".";
  for (const auto& part : m.fused_qkv ? std::vector{*m.fused_qkv} : std::vector{m.q, m.k, m.v})
    add(taken, attention + part, m.qkv_bias);
  add(taken, attention + m.o, m.output_bias);
  for (const auto& norm : {m.q_norm, m.k_norm})
    if (norm) add(taken, attention + *norm, m.qk_norm_bias);

  std::vector<std::string> parts{m.down, m.fused_gate_up.value_or(m.up)};
  if (m.gated && !m.fused_gate_up) parts.push_back(m.gate);
  if (m.has_experts) add(taken, ffn + m.router, m.router_bias);
  for (const auto& part : parts) {
    if (!m.has_experts) add(taken, ffn + part, m.ffn_bias);
    for (std::int64_t i = 0; i < num_experts; ++i) add(taken, fmt::format("{}experts.{}.{}", ffn, i, part), m.ffn_bias);
  }
}

/// What the blocks of the draft (write.cpp) take.
NameSet taken_by_draft(const ConfigReader& c, const InferredModel& m) {
  constexpr std::int64_t kMost = 1024;  // layers, and experts of each: a config can say anything
  NameSet taken;
  add(taken, m.embedding, false);
  add(taken, m.norm, m.norm_bias);
  const auto head = m.head.value_or("lm_head");
  if (!c.boolean("tie_word_embeddings", !m.head)) taken.insert(head + ".weight");
  if (m.head_bias) taken.insert(head + ".bias");
  const auto num_experts = m.has_experts ? std::min(kMost, c.integer(m.num_experts_key, 0)) : 0;
  for (std::int64_t i = 0; i < std::min(kMost, c.integer(m.num_layers, 0)); ++i)
    add_layer(taken, m, fmt::format("{}.{}.", m.layers, i), num_experts);
  return taken;
}

/// All names of `these` that are not among `those`, each kind once, as a list; empty when there is none.
std::string listed(const NameSet& these, const NameSet& those) {
  NameSet kinds;
  for (const auto& name : these)
    if (!those.contains(name)) kinds.insert(without_numbers(name));
  return fmt::to_string(fmt::join(kinds, ", "));
}

/// The draft takes such a tensor in slices, which would not notice that it has more rows.
void ask_about_rows(const Tensors& tensors, InferredModel& m, const std::string& module, std::int64_t expected) {
  const auto weight = module + ".weight";
  if (!tensors.has(weight) || tensors.shape(weight).rank() != 2) return;
  const auto rows = tensors.shape(weight)[m.stored_in_out ? 1 : 0];
  if (rows != expected)
    m.questions.push_back(
        fmt::format("{} has {} rows, and the sizes here make {}: what does it hold, and how many "
                    "heads of keys and values are there?",
                    module, rows, expected));
}

void ask_about_fused(const ConfigReader& c, const Tensors& tensors, InferredModel& m) {
  const std::int64_t heads = c.dimension(m.num_heads, 1), kv_heads = c.dimension(m.num_kv_heads, 1);
  const std::int64_t head_dim = c.dimension("head_dim", static_cast<int>(c.dimension(m.hidden_size, 1) / heads));
  if (m.fused_qkv) ask_about_rows(tensors, m, m.attention + "." + *m.fused_qkv, (heads + 2 * kv_heads) * head_dim);
  if (m.fused_gate_up)
    ask_about_rows(tensors, m, m.ffn + "." + *m.fused_gate_up, std::int64_t{2} * c.dimension(m.intermediate_size, 1));
}

/// Names that only some of the layers have.
void ask_about_kinds_of_layers(const Tensors& tensors, InferredModel& m) {
  for (const auto& [name, layers] : tensors.in_layer())
    if (static_cast<int>(layers.size()) != tensors.num_layers()) {
      m.questions.push_back(fmt::format("Layers differ: only {} {} {}, for one. Which layers are of which kind?",
                                        fmt::join(layers, ", "), layers.size() == 1 ? "has" : "have", name));
      return;
    }
}

}  // namespace

void ask_about_tensors(const ConfigReader& config, const Tensors& tensors, InferredModel& m) {
  NameSet there = tensors.outside();
  for (const auto& [name, layers] : tensors.in_layer())
    for (const int layer : layers) there.insert(fmt::format("{}.{}.{}", m.layers, layer, name));
  const auto taken = taken_by_draft(config, m);
  if (const auto left = listed(there, taken); !left.empty())
    m.questions.push_back(fmt::format("Nothing here takes these tensors: {}. What are they for?", left));
  if (const auto missing = listed(taken, there); !missing.empty())
    m.questions.push_back(
        fmt::format("The blocks here take these tensors, and not every layer or expert has them: {}. What stands in "
                    "their place?",
                    missing));
  ask_about_fused(config, tensors, m);
  ask_about_kinds_of_layers(tensors, m);
}

}  // namespace ttt::app
