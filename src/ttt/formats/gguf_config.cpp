#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ttt/core/error.h"
#include "ttt/formats/checkpoint.h"
#include "ttt/formats/strict_json.h"

namespace ttt {
namespace {

using Json = nlohmann::json;

struct Spelling {
  std::string_view gguf;  // after "<arch>."
  std::string_view hugging_face;
};
constexpr std::array<Spelling, 12> kTopLevel{{
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
}};
constexpr std::array<Spelling, 5> kRope{{
    {"rope.freq_base", "rope_theta"},
    {"rope.scaling.type", "rope_type"},
    {"rope.scaling.factor", "factor"},
    {"rope.scaling.original_context_length", "original_max_position_embeddings"},
    {"rope.scaling.attn_factor", "attention_factor"},
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
  return value;
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
    const auto short_key = key.starts_with(arch + ".") ? std::string_view(key).substr(arch.size() + 1) : "";
    if (const auto name = respell(kTopLevel, short_key))
      out[std::string(*name)] = uniform_as_scalar(to_json(value));
    else if (const auto nested = respell(kRope, short_key))
      rope[std::string(*nested)] = rope_value(*nested, to_json(value));
    else
      out[key] = to_json(value);
  }
  out["model_type"] = arch;
  if (!rope.empty() && !rope.contains("rope_type")) rope["rope_type"] = "default";
  if (!rope.empty()) out["rope_parameters"] = std::move(rope);
  add_vocab_size(file, out);
  out["tie_word_embeddings"] = !has_tensor(file, "output.weight");
  return ConfigReader::parse(out.dump(), file.where());
}

}  // namespace ttt
