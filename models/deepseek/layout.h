#pragma once
#include <optional>

#include "ttt/formats/config_reader.h"
#include "ttt/formats/weights.h"

namespace ttt::models {

/// Sizes of latent attention, in Hugging Face's keys or GGUF's.
struct LatentSizes {
  int num_heads, kv_lora_rank, nope, rope, v;
  std::optional<int> q_lora_rank;

  static LatentSizes read(const ConfigReader& config, int num_heads);
};

/// kv_b_proj holds for each head the rows that make its key, then those that make its value: here k_b_proj.H,
/// transposed to [kv_lora_rank, nope], and v_b_proj.H [v, kv_lora_rank].
Weights with_hugging_face_layout(const Weights& weights, const LatentSizes& sizes);

/// GGUF stacks k_b and v_b by head; older files have Hugging Face's kv_b.
Weights with_gguf_layout(const Weights& weights, const LatentSizes& sizes);

/// Whether experts are scored as in version 3.
bool is_v3(const ConfigReader& config, const Weights& weights);

/// Ignores the layers beyond the model's, which predict further tokens in training.
void ignore_prediction_layers(const Weights& weights, int num_layers);

/// Marks keys that repeat sizes, or belong to parts that take no part in decoding.
void ignore_unused(const ConfigReader& config);

}  // namespace ttt::models
