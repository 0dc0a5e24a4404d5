#pragma once
#include <optional>
#include <string>
#include <vector>

#include "ttt/formats/config_reader.h"
#include "ttt/formats/weights.h"

namespace ttt::app {

/// Where a layer's norms stand; the patterns of those names.
enum class NormPlacement { pre, sandwich, output, parallel_shared, parallel_separate };

/// What a checkpoint's config and tensor names and shapes tell of the model. Names are those in the
/// checkpoint, without
/// ".weight"; parts of layers are relative to the layer.
struct InferredModel {
  std::string model_type;
  std::string layers;  ///< "model.layers"
  std::string embedding, norm;
  std::optional<std::string> head;  ///< nothing: tied to the embedding

  bool grouped = false;   ///< fewer key and value heads than query heads
  std::string attention;  ///< "self_attn"
  std::optional<std::string> fused_qkv;
  std::string q = "q_proj", k = "k_proj", v = "v_proj", o = "o_proj";
  bool qkv_bias = false, output_bias = false;
  std::string attention_bias_key;  ///< of the config, when it says what both are
  std::optional<std::string> q_norm, k_norm;
  std::string qk_norm_scope;  ///< "shared", "per_head" or "all_heads"

  bool gated = true;
  std::string ffn;  ///< "mlp"
  std::optional<std::string> fused_gate_up;
  std::string gate = "gate_proj", up = "up_proj", down = "down_proj";
  bool ffn_bias = false;
  std::string ffn_bias_key;  ///< of the config, when it says so
  bool has_experts = false;

  bool layer_norm = false, norm_bias = false;
  NormPlacement placement = NormPlacement::pre;
  std::string attention_norm, attention_output_norm, ffn_norm, ffn_output_norm;

  std::string hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, eps,
      activation;       ///< config keys
  bool window = false;  ///< the config has a sliding window that is on

  std::vector<std::string> questions;  ///< what could not be inferred, in words
};

/// Reads no tensor's data. Throws FormatError when the tensors hold no layers that look like a transformer's.
InferredModel infer_model(const ConfigReader& config, const WeightSource& source);

}  // namespace ttt::app
