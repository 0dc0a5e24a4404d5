#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "ttt/building_blocks/embeddings/embedding.h"
#include "ttt/building_blocks/lm_head.h"
#include "ttt/formats/config_reader.h"
#include "ttt/ops/attention.h"

namespace ttt::models {

/// The sizes that nearly every decoder's config names alike.
struct DecoderConfig {
  int vocab_size;
  int hidden_size;
  int num_hidden_layers;
  int num_attention_heads;
  int num_key_value_heads;
  int head_dim;
  int max_position_embeddings;

  /// Reads them, after `ignore_common_keys`. `head_dim` is hidden_size / num_attention_heads where the config has none.
  static DecoderConfig read(const ConfigReader& config, std::string_view supported_quantization = {});
};

/// config.number(key, otherwise) as the f32 that blocks take.
float number(const ConfigReader& config, std::string_view key, double otherwise);

/// The width of the sliding window, or nothing where `sliding_window` is null, 0 or absent.
std::optional<int> read_window(const ConfigReader& config);

/// Each layer's mask: `layer_types` decides where the config has it, else `slides(layer)`; a layer that slides sees
/// `window` tokens. Without a window all are causal. Throws ConfigError for an unknown type and a list of another
/// length.
std::vector<Mask> read_masks(const ConfigReader& config, int num_layers, std::optional<int> window,
                             const std::function<bool(int)>& slides);

/// Which layers have experts: every `decoder_sparse_step`-th that is not in `mlp_only_layers`.
std::vector<bool> read_sparse_layers(const ConfigReader& config, int num_layers);

/// Marks the keys of a router that matter in training only.
void ignore_router_training(const ConfigReader& config);

/// The head: the embedding's table when `tied`, else `weights`.
LMHead make_head(const LMHead::Config& config, bool tied, const Embedding& embedding, const Weights& weights,
                 Device& device);

}  // namespace ttt::models
