#include "write.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>
#include <set>
#include <utility>
#include <vector>

#include "templates.h"

namespace ttt::app {
namespace {

using namespace templates;

using Values = std::vector<std::pair<std::string, std::string>>;

/// The template with every @KEY@ replaced.
std::string fill(std::string text, const Values& values) {
  for (const auto& [key, value] : values)
    for (auto at = text.find("@" + key + "@"); at != text.npos; at = text.find("@" + key + "@", at + value.size()))
      text.replace(at, key.size() + 2, value);
  return text;
}

struct Pattern {
  std::string file, name, layer;
};

Pattern pattern_of(const InferredModel& m) {
  const auto norm = [](const std::string& field, const std::string& tensor) {
    return fmt::format("        .{} = {{norm, l / \"{}\", device}}", field, tensor);
  };
  const auto attention =
      fmt::format("        .attention = {{attention, l / \"{}\", device, CacheLayer{{i}}}}", m.attention);
  const auto ffn = fmt::format("        .ffn = {{ffn, l / \"{}\", device}}", m.ffn);
  const auto join = [](std::initializer_list<std::string> lines) {
    std::string all;
    for (const auto& line : lines) all += (all.empty() ? "" : ",\n") + line;
    return all;
  };
  switch (m.placement) {
    case NormPlacement::sandwich:
      return {"sandwich_norm_layer", "SandwichNormLayer",
              join({norm("attention_norm", m.attention_norm), attention,
                    norm("attention_output_norm", m.attention_output_norm), norm("ffn_norm", m.ffn_norm), ffn,
                    norm("ffn_output_norm", m.ffn_output_norm)})};
    case NormPlacement::output:
      return {"output_norm_layer", "OutputNormLayer",
              join({attention, norm("attention_norm", m.attention_norm), ffn, norm("ffn_norm", m.ffn_norm)})};
    case NormPlacement::parallel_shared:
      return {"parallel_layer", "ParallelLayer",
              join({norm("attention_norm", m.attention_norm), attention, "        .ffn_norm = {}", ffn})};
    case NormPlacement::parallel_separate: {
      const auto second = fmt::format("        .ffn_norm = {}(norm, l / \"{}\", device)",
                                      m.layer_norm ? "LayerNorm" : "RMSNorm", m.ffn_norm);
      return {"parallel_layer", "ParallelLayer",
              join({norm("attention_norm", m.attention_norm), attention, second, ffn})};
    }
    case NormPlacement::pre:
      break;
  }
  return {"pre_norm_layer", "PreNormLayer",
          join({norm("attention_norm", m.attention_norm), attention, norm("ffn_norm", m.ffn_norm), ffn})};
}

/// `text` after `first`, on lines of at most 110 columns, the others after `rest`.
std::string wrapped(std::string_view text, std::string_view first, std::string_view rest) {
  std::string all;
  auto line = std::string(first);
  for (const auto part : std::views::split(text, ' ')) {
    const std::string_view word(part.begin(), part.end());
    if (line.size() + 1 + word.size() > 110) all += std::exchange(line, std::string(rest)) + "\n";
    (line += " ") += word;
  }
  return all + line + "\n";
}

std::string questions(const InferredModel& m, std::string_view first, std::string_view rest) {
  std::string text;
  for (const auto& question : m.questions) text += wrapped(question, first, rest);
  return text.empty() ? text : "\n" + text;
}

/// {"q_proj", "query"}, ... for the names that differ from the blocks'.
std::string differing_names(const InferredModel& m) {
  std::string text;
  const auto add = [&](const std::string& ours, const std::string& theirs) {
    if (ours != theirs) text += fmt::format("\n      {{\"{}\", \"{}\"}},", ours, theirs);
  };
  if (!m.fused_qkv) add("q_proj", m.q), add("k_proj", m.k), add("v_proj", m.v);
  add("o_proj", m.o);
  if (m.q_norm) add("q_norm", *m.q_norm), add("k_norm", *m.k_norm);
  if (m.gated && !m.fused_gate_up) add("gate_proj", m.gate);
  if (!m.fused_gate_up) add("up_proj", m.up);
  add("down_proj", m.down);
  if (m.has_experts && m.router != "gate") add(m.ffn + ".gate.", m.ffn + "." + m.router + ".");
  return text.empty() ? text : text + "\n  ";
}

/// Code that sees fused tensors as their parts.
std::string split_code(const InferredModel& m) {
  std::string parts;
  const auto add = [&](std::string_view name, const std::string& fused, std::string_view first,
                       std::string_view count) {
    parts += fmt::format("      {{\"{}\", \"{}\", {}, {}}},\n", name, fused, first, count);
  };
  if (m.fused_qkv) {
    add("q_proj", *m.fused_qkv, "0", "q_size");
    add("k_proj", *m.fused_qkv, "q_size", "kv_size");
    add("v_proj", *m.fused_qkv, "q_size + kv_size", "kv_size");
  }
  if (m.fused_gate_up) {
    add("gate_proj", *m.fused_gate_up, "0", "ffn_size");
    add("up_proj", *m.fused_gate_up, "ffn_size", "ffn_size");
  }
  return parts.empty() ? "" : fill(std::string(kSplit), {{"PARTS", parts}});
}

/// Code that sees matrices stored [in, out] as the blocks want them.
std::string transpose_code(const InferredModel& m) {
  if (!m.stored_in_out) return "";
  std::set<std::string> matrices{m.o, m.down, m.fused_gate_up.value_or(m.up)};
  if (m.gated && !m.fused_gate_up) matrices.insert(m.gate);
  if (m.fused_qkv)
    matrices.insert(*m.fused_qkv);
  else
    matrices.insert({m.q, m.k, m.v});
  return fill(std::string(kTranspose), {{"MATRICES", fmt::format("\"{}\"", fmt::join(matrices, "\", \""))}});
}

/// What the adaptor of names, fused and transposed tensors needs, in the template's terms.
Values adaptor_values(const InferredModel& m) {
  const auto transpose = transpose_code(m), split = split_code(m), names = differing_names(m);
  const bool adapted = !transpose.empty() || !split.empty() || !names.empty();
  std::string parameters, arguments;
  if (m.fused_qkv)
    parameters += ", int q_size, int kv_size", arguments += ", num_heads * head_dim, num_kv_heads * head_dim";
  if (m.fused_gate_up) parameters += ", int ffn_size", arguments += ", intermediate_size";
  const std::string call =
      (arguments.size() > 60 ? "\n      with_block_names(weights" : " with_block_names(weights") + arguments + ")";
  return {{"ADAPTOR", adapted ? std::string(kAdaptor) : ""},
          {"WEIGHTS", adapted ? call : " weights"},
          {"TRANSPOSE", transpose},
          {"SPLIT", split},
          {"RENAME", names.empty() ? "" : std::string(kRename)},
          {"NAMES", names},
          {"SPLIT_ARGUMENTS", parameters}};
}

/// The standard headers that the draft uses.
std::string includes(const InferredModel& m) {
  const bool names = !differing_names(m).empty() || !split_code(m).empty();
  std::string text;
  if (!m.ignored.empty()) text += "#include <array>\n";
  text += "#include <cmath>\n";
  if (names || m.stored_in_out || m.has_window_keys) text += "#include <string>\n";
  if (names || m.has_window_keys) text += "#include <vector>\n";
  return text;
}

/// Keys that the draft supports at one value, and those that it may leave unread.
std::string required_keys(const InferredModel& m) {
  std::string text;
  for (const auto& [key, value] : m.required) {
    std::string literal;
    for (const char c : value) literal += c == '"' ? std::string("\\\"") : std::string(1, c);
    text += fmt::format("  config.require(\"{}\", \"{}\");\n", key, literal);
  }
  if (!m.ignored.empty())
    text += fmt::format("  config.ignore(std::array<std::string_view, {}>{{\n      \"{}\"}});\n", m.ignored.size(),
                        fmt::join(m.ignored, "\",\n      \""));
  return text;
}

/// How many heads of keys and values there are, where the draft has to know it; MHA has as many as there are heads.
std::string read_kv_heads(const InferredModel& m) {
  if (m.reads_kv_heads()) return "  const int num_kv_heads = config.dimension(\"@KV_HEADS@\", num_heads);\n";
  if (!m.has_kv_heads_key) return "";
  return "  if (config.dimension(\"@KV_HEADS@\", num_heads) != num_heads)\n"
         "    config.fail(\"@KV_HEADS@\", \"fewer than heads need GroupedQueryAttention\");\n";
}

std::string_view flag(bool value) { return value ? "true" : "false"; }
std::string flag_of(const std::string& key, bool value) {
  return key.empty() ? std::string(flag(value)) : fmt::format("config.boolean(\"{}\", false)", key);
}

Values attention_values(const InferredModel& m) {
  return {{"ATTENTION_FILE", m.grouped ? "gqa" : "mha"},
          {"ATTENTION", m.grouped ? "GroupedQueryAttention" : "MultiHeadAttention"},
          {"READ_KV_HEADS", read_kv_heads(m)},
          {"KV_HEADS", m.num_kv_heads},
          {"KV_FIELD", m.grouped ? "\n      .num_kv_heads = num_kv_heads," : ""},
          {"QKV_BIAS", flag_of(m.qkv_bias_key, m.qkv_bias)},
          {"OUTPUT_BIAS", flag_of(m.output_bias_key, m.output_bias)},
          {"PARTIAL_ROTARY", m.has_partial_rotary_factor ? ",\n                                                  "
                                                           ".default_partial_rotary_factor = 1.0f"
                                                         : ""},
          {"QK_NORM", m.q_norm ? std::string(kQueryKeyNorm) : ""},
          {"KIND", m.layer_norm ? "layer" : "rms"},
          {"SCOPE", m.qk_norm_scope},
          {"QK_NORM_BIAS", m.qk_norm_bias ? ",\n                                      .bias = true" : ""},
          {"WINDOW", m.has_window_keys ? std::string(kWindow) : ""},
          {"WINDOW_SWITCH", m.has_window_switch ? "" : ", true"},
          {"MUTABLE", m.has_window_keys ? "" : "const "},
          {"MASK", m.has_window_keys ? "    attention.mask = mask_of(i);\n" : ""}};
}

Values ffn_values(const InferredModel& m) {
  return {{"FFN_FILE", m.has_experts ? "moe"
                       : m.gated     ? "gated_ffn"
                                     : "mlp"},
          {"FFN", m.has_experts ? "MixtureOfExperts"
                  : m.gated     ? "GatedFFN"
                                : "MLP"},
          {"FFN_INPUT", m.has_experts ? std::string(kRouter) : "      .hidden_size = hidden_size,"},
          {"NUM_EXPERTS", m.num_experts_key},
          {"EXPERTS_PER_TOKEN", m.experts_per_token_key},
          {"NORMALIZE", flag_of(m.normalize_key, false)},
          {"ROUTER_BIAS", std::string(flag(m.router_bias))},
          {"INTERMEDIATE", m.intermediate_size},
          {"FFN_RATIO", m.ffn_ratio ? fmt::format(", {} * hidden_size", *m.ffn_ratio) : ""},
          {"ACTIVATION", m.activation},
          {"ACTIVATION_DEFAULT", m.has_activation ? "" : ", \"silu\""},
          {"FFN_BIAS", flag_of(m.ffn_bias_key, m.ffn_bias)}};
}

std::string model_file(const std::string& name, const InferredModel& m) {
  const auto pattern = pattern_of(m);
  Values values = adaptor_values(m);
  for (const auto& more : {attention_values(m), ffn_values(m)}) values.insert(values.end(), more.begin(), more.end());
  const Values rest{
      {"NAME", name},
      {"PAD", std::string(name.size(), ' ')},
      {"INCLUDES", includes(m)},
      {"QUESTIONS", questions(m, "// TODO:", "//  ")},
      {"REQUIRED", required_keys(m)},
      {"PATTERN_FILE", pattern.file},
      {"PATTERN", pattern.name},
      {"LAYER", pattern.layer},
      {"NORM", m.layer_norm ? "LayerNorm" : "RMSNorm"},
      {"NORM_BIAS", m.layer_norm ? fmt::format(", .bias = {}", flag(m.norm_bias)) : ""},
      {"HIDDEN", m.hidden_size},
      {"LAYERS", m.num_layers},
      {"HEADS", m.num_heads},
      {"EPS", m.eps},
      {"EPS_DEFAULT", m.has_eps ? "" : ", 1e-5"},
      {"LAYER_PATH", m.layers},
      {"EMBEDDING", m.embedding},
      {"FINAL_NORM", m.norm},
      {"TIED", fmt::format("config.boolean(\"tie_word_embeddings\", {})", flag(!m.head))},
      {"LM_HEAD", m.head.value_or("lm_head")},
      {"HEAD_BIAS", m.head_bias ? ", .bias = true" : ""},
  };
  values.insert(values.end(), rest.begin(), rest.end());
  return fill(std::string(kModel), values);
}

}  // namespace

std::map<std::string, std::string> write_model(const std::string& name, const InferredModel& m) {
  const Values values{{"NAME", name},
                      {"TYPE", m.model_type},
                      {"PAD", std::string(name.size(), ' ')},
                      {"QUESTIONS", m.questions.empty() ? "" : "\n## To do\n" + questions(m, "-", " ")}};
  return {{"CMakeLists.txt", fill(std::string(kCMake), values)},
          {name + ".h", fill(std::string(kHeader), values)},
          {name + ".cpp", model_file(name, m)},
          {"plugin.cpp", fill(std::string(kPlugin), values)},
          {"README.md", fill(std::string(kReadme), values)},
          {"tests/test_" + name + ".cpp", fill(std::string(kTests), values)}};
}

}  // namespace ttt::app
