#include "write.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
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
  const auto add = [&](std::string_view ours, const std::string& theirs) {
    if (ours != theirs) text += fmt::format("\n      {{\"{}\", \"{}\"}},", ours, theirs);
  };
  if (!m.fused_qkv) add("q_proj", m.q), add("k_proj", m.k), add("v_proj", m.v);
  add("o_proj", m.o);
  if (m.q_norm) add("q_norm", *m.q_norm), add("k_norm", *m.k_norm);
  if (m.gated && !m.fused_gate_up) add("gate_proj", m.gate);
  if (!m.fused_gate_up) add("up_proj", m.up);
  add("down_proj", m.down);
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

/// What the adaptor of names and fused tensors needs, in the template's terms.
Values adaptor_values(const InferredModel& m) {
  const auto split = split_code(m), names = differing_names(m);
  const bool adapted = !split.empty() || !names.empty();
  std::string parameters, arguments;
  if (m.fused_qkv)
    parameters += ", int q_size, int kv_size", arguments += ", num_heads * head_dim, num_kv_heads * head_dim";
  if (m.fused_gate_up) parameters += ", int ffn_size", arguments += ", intermediate_size";
  const std::string call =
      (arguments.size() > 60 ? "\n      with_block_names(weights" : " with_block_names(weights") + arguments + ")";
  return {{"ADAPTOR", adapted ? std::string(kAdaptor) : ""},
          {"WEIGHTS", adapted ? call : " weights"},
          {"SPLIT", split},
          {"SPLIT_START", names.empty() ? "return " : "const auto split = "},
          {"RENAME", names.empty() ? "" : std::string(kRename)},
          {"RENAMED", split.empty() ? "weights" : "split"},
          {"NAMES", names},
          {"SPLIT_ARGUMENTS", parameters}};
}

std::string model_file(const std::string& name, const InferredModel& m) {
  const auto pattern = pattern_of(m);
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  const auto bias = [&](const std::string& key, bool value) {
    return key.empty() ? std::string(flag(value)) : fmt::format("config.boolean(\"{}\", false)", key);
  };
  const bool reads_kv_heads = m.grouped || m.fused_qkv;
  Values values = adaptor_values(m);
  const Values rest{
      {"NAME", name},
      {"PAD", std::string(name.size(), ' ')},
      {"QUESTIONS", questions(m, "// TODO:", "//  ")},
      {"ATTENTION_FILE", m.grouped ? "gqa" : "mha"},
      {"ATTENTION", m.grouped ? "GroupedQueryAttention" : "MultiHeadAttention"},
      {"READ_KV_HEADS",
       reads_kv_heads ? "  const int num_kv_heads = config.dimension(\"@KV_HEADS@\", num_heads);\n" : ""},
      {"KV_FIELD", m.grouped ? "\n      .num_kv_heads = num_kv_heads," : ""},
      {"FFN_FILE", m.gated ? "gated_ffn" : "mlp"},
      {"FFN", m.gated ? "GatedFFN" : "MLP"},
      {"PATTERN_FILE", pattern.file},
      {"PATTERN", pattern.name},
      {"LAYER", pattern.layer},
      {"QK_NORM", m.q_norm ? std::string(kQueryKeyNorm) : ""},
      {"KIND", m.layer_norm ? "layer" : "rms"},
      {"SCOPE", m.qk_norm_scope},
      {"NORM", m.layer_norm ? "LayerNorm" : "RMSNorm"},
      {"NORM_BIAS", m.layer_norm ? fmt::format(", .bias = {}", flag(m.norm_bias)) : ""},
      {"HIDDEN", m.hidden_size},
      {"LAYERS", m.num_layers},
      {"HEADS", m.num_heads},
      {"KV_HEADS", m.num_kv_heads},
      {"INTERMEDIATE", m.intermediate_size},
      {"EPS", m.eps},
      {"ACTIVATION", m.activation},
      {"WINDOW", m.window ? std::string(kWindow) : ""},
      {"MUTABLE", m.window ? "" : "const "},
      {"MASK", m.window ? "    attention.mask = mask_of(i);\n" : ""},
      {"QKV_BIAS", bias(m.attention_bias_key, m.qkv_bias)},
      {"OUTPUT_BIAS", bias(m.attention_bias_key, m.output_bias)},
      {"FFN_BIAS", bias(m.ffn_bias_key, m.ffn_bias)},
      {"LAYER_PATH", m.layers},
      {"EMBEDDING", m.embedding},
      {"FINAL_NORM", m.norm},
      {"TIED", fmt::format("config.boolean(\"tie_word_embeddings\", {})", flag(!m.head))},
      {"LM_HEAD", m.head.value_or("lm_head")},
  };
  values.insert(values.end(), rest.begin(), rest.end());
  return fill(std::string(kModel), values);
}

}  // namespace

std::map<std::string, std::string> write_model(const std::string& name, const InferredModel& m) {
  const Values values{{"NAME", name},
                      {"TYPE", m.model_type},
                      {"PAD", std::string(name.size(), ' ')},
                      {"QUESTIONS", questions(m, "-", " ")}};
  return {{"CMakeLists.txt", fill(std::string(kCMake), values)},
          {name + ".h", fill(std::string(kHeader), values)},
          {name + ".cpp", model_file(name, m)},
          {"plugin.cpp", fill(std::string(kPlugin), values)},
          {"README.md", fill(std::string(kReadme), values)},
          {"tests/test_" + name + ".cpp", fill(std::string(kTests), values)}};
}

}  // namespace ttt::app
