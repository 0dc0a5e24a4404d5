#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tensors.h"
#include "ttt/formats/config_reader.h"

namespace ttt::app {

/// Where a layer's norms stand; the patterns of those names.
enum class NormPlacement { pre, sandwich, output, parallel_shared, parallel_separate };

/// What a checkpoint's config and tensor names and shapes tell of the model. Names are those in the checkpoint, without
/// ".weight"; parts of layers are relative to the layer. `..._key`: the config's key that says so, empty when none
/// does.
struct InferredModel {
  std::string model_type;
  std::string layers;  ///< "model.layers"
  std::string embedding, norm;
  std::optional<std::string> head;  ///< nothing: tied to the embedding
  bool head_bias = false, learned_positions = false;

  bool has_kv_heads_key = false;
  bool grouped = false;   ///< fewer key and value heads than query heads
  std::string attention;  ///< "self_attn"
  std::optional<std::string> fused_qkv;
  std::string q = "q_proj", k = "k_proj", v = "v_proj", o = "o_proj";
  bool qkv_bias = false, output_bias = false;
  std::string qkv_bias_key, output_bias_key;
  std::optional<std::string> q_norm, k_norm;
  std::string qk_norm_scope;  ///< "shared", "per_head" or "all_heads"
  bool qk_norm_bias = false;

  bool gated = true;
  std::string ffn;  ///< "mlp"
  std::optional<std::string> fused_gate_up;
  std::string gate = "gate_proj", up = "up_proj", down = "down_proj";
  bool ffn_bias = false;
  std::string ffn_bias_key;
  std::optional<int> ffn_ratio;  ///< intermediate_size is that many times hidden_size, where no key says it

  bool has_experts = false;
  std::string router = "gate";
  bool router_bias = false;
  std::string num_experts_key, experts_per_token_key, normalize_key;

  bool stored_in_out = false;  ///< the layers' matrices are [in, out], not [out, in]

  bool layer_norm = false, norm_bias = false;
  NormPlacement placement = NormPlacement::pre;
  std::string attention_norm, attention_output_norm, ffn_norm, ffn_output_norm;

  std::string hidden_size, num_layers, num_heads, num_kv_heads, intermediate_size, eps, activation;  ///< config keys
  bool has_eps = false, has_activation = false;
  bool has_partial_rotary_factor = false;
  bool has_window_keys = false;    ///< the config says which layers see a window, or that none does
  bool has_window_switch = false;  ///< use_sliding_window is there, so the draft demands it

  /// Keys, and the JSON values at which the draft is right as it stands: it requires them.
  std::vector<std::pair<std::string, std::string>> required;
  std::vector<std::string> ignored;  ///< keys that change nothing

  std::vector<std::string> questions;  ///< what could not be inferred, in words

  bool reads_kv_heads() const { return grouped || fused_qkv; }
  bool parallel() const {
    return placement == NormPlacement::parallel_shared || placement == NormPlacement::parallel_separate;
  }
};

/// Reads no tensor's data. Throws FormatError when the tensors hold no layers that look like a transformer's.
InferredModel infer_model(const ConfigReader& config, const WeightSource& source);

}  // namespace ttt::app
