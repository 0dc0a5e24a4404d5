#pragma once
#include <optional>

#include "ttt/building_blocks/embeddings/rotary.h"
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::models {

/// The numbers of a Llama-like model, named as in Hugging Face's `LlamaConfig`.
struct LlamaConfig {
  int vocab_size, hidden_size, intermediate_size, num_hidden_layers;
  int num_attention_heads, num_key_value_heads, head_dim;
  int max_position_embeddings;
  float rms_norm_eps;
  Activation hidden_act;
  bool attention_bias, mlp_bias, tie_word_embeddings;
  RotaryEmbedding::Config rope;

  /// Throws ConfigError for a missing key, a bad value, or a value that changes the math and is not supported.
  static LlamaConfig read(const ConfigReader& config);
};

/// Llama 1 to 3.x and SmolLM2 from `weights` named as Hugging Face names them.
CausalLM build_llama(const LlamaConfig& config, const Weights& weights, Device& device);

/// The same from a checkpoint of either kind: reads the config, and sees GGUF's names and row order as Hugging Face's.
CausalLM load_llama(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);

}  // namespace ttt::models
