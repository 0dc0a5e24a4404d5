#include "v1_precision.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <span>

#include "ttt/core/error.h"

namespace ttt::app::v1 {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 6> kGroupNames{"FF1_FF3", "FF2", "WQKV", "WO", "KV_CACHE", "ACTIVATION"};
constexpr std::array<std::string_view, 3> kPrecisionNames{"BFP4", "BFP8", "BF16"};
constexpr std::array<std::string_view, 2> kPresetNames{"performance", "accuracy"};
constexpr std::array<std::string_view, 9> kOperatorNames{"LI_FF1_FF3",   "LI_FF2",       "LI_QKV_DECODE",
                                                         "LI_O_DECODE",  "SDPA_DECODE",  "LI_QKV_PREFILL",
                                                         "LI_O_PREFILL", "SDPA_PREFILL", "ACCURACY"};
constexpr std::array<std::string_view, 6> kFidelityNames{"LOFI",       "HIFI2", "HIFI2_NA",
                                                         "HIFI2_FP16", "HIFI4", "HIFI4_FP32"};

/// "Llama-3.1-70B" of "Llama-3.1-70B-Instruct": up to the first size in billions that a dash follows.
std::string_view base_model_name(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t i = 1; i + 1 < name.size(); ++i)
    if ((name[i] == 'b' || name[i] == 'B') && is_digit(name[i - 1]) && name[i + 1] == '-') return name.substr(0, i + 1);
  return name;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

bool starts_with_one_of(std::string_view name, std::initializer_list<std::string_view> starts) {
  return std::ranges::any_of(starts, [&](std::string_view start) { return name.starts_with(start); });
}

/// Walks one document; knows its name for errors.
class Reader {
 public:
  explicit Reader(const std::string& where) : where_(where) {}

  DecoderSettings decoder(const std::string& key, const Json& value) const {
    expect_object(key, value);
    DecoderSettings settings;
    for (const auto& [name, entries] : value.items()) {
      const auto path = key + "." + name;
      if (name == "precision_cfg")
        settings.precision_cfg = precision(path, entries);
      else if (name == "fidelity_cfg")
        settings.fidelity_cfg = fidelity(path, entries);
      else
        fail(path, "unknown key; there are: precision_cfg, fidelity_cfg");
    }
    return settings;
  }

  int layer(const std::string& text) const {
    int number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 || std::to_string(number) != text)
      fail("decoders." + text, "expected a layer's number as the key, such as \"31\"");
    return number;
  }

  void expect_object(const std::string& key, const Json& value) const {
    if (!value.is_object()) fail(key, fmt::format("expected an object, got {}", value.type_name()));
  }

  [[noreturn]] void fail(const std::string& key, std::string_view what) const {
    throw ConfigError(where_, fmt::format("{}: {}", key, what));
  }

 private:
  LayerPrecision precision(const std::string& path, const Json& entries) const {
    expect_object(path, entries);
    LayerPrecision precision;
    for (const auto& [key, value] : entries.items()) {
      const auto group = index(path + "." + key, key, kGroupNames, "tensor group");
      precision[TensorGroup(group)] = Precision(value_index(path + "." + key, value, kPrecisionNames));
    }
    return precision;
  }

  std::map<std::string, std::string> fidelity(const std::string& path, const Json& entries) const {
    expect_object(path, entries);
    std::map<std::string, std::string> fidelity;
    for (const auto& [key, value] : entries.items()) {
      index(path + "." + key, key, kOperatorNames, "operator group");
      fidelity[key] = kFidelityNames[value_index(path + "." + key, value, kFidelityNames)];
    }
    return fidelity;
  }

  std::size_t value_index(const std::string& path, const Json& value, std::span<const std::string_view> names) const {
    if (!value.is_string())
      fail(path, fmt::format("expected one of {}, got {}", fmt::join(names, ", "), value.type_name()));
    return index(path, value.get<std::string>(), names, "value");
  }

  std::size_t index(const std::string& path, const std::string& name, std::span<const std::string_view> names,
                    std::string_view what) const {
    const auto found = std::ranges::find(names, name);
    if (found == names.end())
      fail(path, fmt::format("no {} \"{}\"; there are: {}", what, name, fmt::join(names, ", ")));
    return static_cast<std::size_t>(found - names.begin());
  }

  const std::string& where_;
};

}  // namespace

std::string_view name(TensorGroup group) { return kGroupNames[static_cast<std::size_t>(group)]; }
std::string_view name(Precision precision) { return kPrecisionNames[static_cast<std::size_t>(precision)]; }
std::string_view name(Preset preset) { return kPresetNames[static_cast<std::size_t>(preset)]; }

LayerPrecision default_precision() {
  return {{TensorGroup::ff1_ff3, Precision::bfp8},
          {TensorGroup::ff2, Precision::bfp8},
          {TensorGroup::wqkv, Precision::bfp8},
          {TensorGroup::wo, Precision::bfp8},
          {TensorGroup::kv_cache, Precision::bfp8}};
}

LayerPrecision preset_precision(Preset preset, std::string_view model_name) {
  const auto base = base_model_name(model_name);
  auto precision = default_precision();
  const auto with_exact_attention = [&] {
    for (const auto group : {TensorGroup::wqkv, TensorGroup::wo, TensorGroup::kv_cache})
      precision[group] = Precision::bf16;
    return precision;
  };
  if (preset == Preset::performance) {
    if (is_one_of(base, {"Qwen2.5-7B", "Qwen2.5-VL-7B"})) return with_exact_attention();
    precision[TensorGroup::ff1_ff3] = Precision::bfp4;
    return precision;
  }
  if (is_one_of(base, {"Llama-3.1-70B", "Llama-3.2-90B", "DeepSeek-R1-Distill-Llama-70B", "Qwen2.5-72B"})) {
    precision[TensorGroup::ff1_ff3] = Precision::bfp4;
    return precision;
  }
  if (starts_with_one_of(base, {"Llama-3", "Mistral-7B", "Phi-3-mini", "phi-4"})) return precision;
  return with_exact_attention();
}

std::map<int, DecoderSettings> read_decoders(const Json& document, const std::string& where) {
  const Reader reader(where);
  if (!document.is_object()) throw ConfigError(where, "expected an object with the key \"decoders\"");
  for (const auto& [key, value] : document.items())
    if (key != "decoders") reader.fail(key, "unknown key; there is: decoders");
  if (!document.contains("decoders")) throw ConfigError(where, "decoders: missing");
  const auto& decoders = document["decoders"];
  reader.expect_object("decoders", decoders);
  if (decoders.empty()) reader.fail("decoders", "names no layer");
  std::map<int, DecoderSettings> settings;
  for (const auto& [key, value] : decoders.items())
    settings[reader.layer(key)] = reader.decoder("decoders." + key, value);
  return settings;
}

}  // namespace ttt::app::v1
