#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ttt/formats/config_reader.h"
#include "ttt/formats/gguf.h"
#include "ttt/formats/weights.h"

namespace ttt::inline v2 {

/// A model on disk: a Hugging Face folder (`config.json` with safetensors, one file or sharded with an
/// index) or a GGUF file. Opening maps files and reads headers only.
struct Checkpoint {
  /// Whose conventions the tensors' names and layouts follow.
  enum class Kind { hugging_face, gguf };
  Kind kind;                   ///< a folder, or a GGUF file
  std::filesystem::path path;  ///< as it was opened
  /// `config.json`, or GGUF metadata in Hugging Face's spelling (see gguf_config).
  ConfigReader config;
  /// `model_type` of the config, or GGUF's `general.architecture`.
  std::string model_type;
  std::shared_ptr<const WeightSource> source;  ///< the tensors as they are stored
  Weights weights;                             ///< the same, to build a model from
  std::shared_ptr<const GgufFile> gguf;        ///< null for Hugging Face folders
  /// Stop tokens: all eos ids of generation_config.json, config.json or GGUF (eos, eot), each once.
  std::vector<std::int64_t> eos_token_ids;

  /// Throws FormatError or ConfigError, naming the file, on what is absent, malformed or of an unknown kind.
  static Checkpoint open(const std::filesystem::path& path);
};

/// GGUF metadata respelled with Hugging Face's keys, for any architecture prefix:
/// `<arch>.block_count` -> num_hidden_layers, embedding_length -> hidden_size, feed_forward_length ->
/// intermediate_size, attention.head_count -> num_attention_heads, attention.head_count_kv ->
/// num_key_value_heads, attention.key_length -> head_dim, attention.layer_norm_rms_epsilon -> rms_norm_eps,
/// attention.layer_norm_epsilon -> layer_norm_eps, context_length -> max_position_embeddings, rope.freq_base
/// and rope.scaling.* -> rope_parameters{rope_theta, rope_type, factor, original_max_position_embeddings},
/// vocab_size (or the token list's length) -> vocab_size, attention.sliding_window -> sliding_window,
/// rope.dimension_count -> rope_dim, and those of experts, latent attention, multipliers and caps;
/// tie_word_embeddings is true when there is no `output.weight`; attention_bias, mlp_bias and use_qk_norm are what the
/// first layer's tensors show. Keys it has no spelling for stay under their GGUF names (general.* and tokenizer.* are
/// left out).
ConfigReader gguf_config(const GgufFile& file);

}  // namespace ttt::inline v2
