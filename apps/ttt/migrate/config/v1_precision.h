#pragma once
#include <array>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

/// The precision settings of version 1 (`ModelOptimizations` and `DecodersPrecision` of tt-metal's
/// models/tt_transformers/tt/model_config.py), in its words.
namespace ttt::app::v1 {

/// Tensors of a decoder layer that have one precision.
enum class TensorGroup { ff1_ff3, ff2, wqkv, wo, kv_cache, activation };
enum class Precision { bfp4, bfp8, bf16 };
enum class Preset { performance, accuracy };

inline constexpr std::array kTensorGroups{TensorGroup::ff1_ff3, TensorGroup::ff2,      TensorGroup::wqkv,
                                          TensorGroup::wo,      TensorGroup::kv_cache, TensorGroup::activation};
std::string_view name(TensorGroup group);
std::string_view name(Precision precision);
std::string_view name(Preset preset);

/// A layer's precisions; a group that is not in it keeps its input's (ACTIVATION only).
using LayerPrecision = std::map<TensorGroup, Precision>;

/// What version 1 filled a partial setting with: BFP8 for weights and cache.
LayerPrecision default_precision();
/// What a preset meant for a model of that name, which is the last part of HF_MODEL.
LayerPrecision preset_precision(Preset preset, std::string_view model_name);

/// One decoder of a decoder precision JSON; an absent member of it is not the same as an empty one.
struct DecoderSettings {
  std::optional<LayerPrecision> precision_cfg;
  std::optional<std::map<std::string, std::string>> fidelity_cfg;
};
/// The decoders of {"decoders": {"31": {"precision_cfg": {...}, "fidelity_cfg": {...}}}} by layer. Throws ConfigError
/// for a key or a value that version 1 did not have, naming it and those there were; `where` names the document.
std::map<int, DecoderSettings> read_decoders(const nlohmann::ordered_json& document, const std::string& where);

}  // namespace ttt::app::v1
