#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/formats/config_reader.h"
#include "ttt/ops/attention.h"
#include "ttt/patterns/causal_lm.h"

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

  struct Options {
    int head_dim = 0;  ///< where the config has none; 0: hidden_size / num_attention_heads
    std::string_view supported_quantization = {};
  };
  /// Reads them, after `ignore_common_keys`.
  static DecoderConfig read(const ConfigReader& config, const Options& options);
  static DecoderConfig read(const ConfigReader& config) { return read(config, {}); }
};

/// Grouped-query attention of these sizes, to which a family adds what it has: causal, scores over the square root of
/// head_dim, without positions or biases.
GroupedQueryAttention::Config attention_config(const DecoderConfig& sizes);

/// Where a config names its activation, and which one it means when it does not.
struct ActivationKey {
  std::string_view key = "hidden_act", otherwise = "silu";
};
/// A gated feed-forward layer of `intermediate_size`, without biases.
GatedFFN::Config read_gated_ffn(const ConfigReader& config, const DecoderConfig& sizes, ActivationKey activation = {});

/// config.number(key, otherwise) as the f32 that blocks take.
float number(const ConfigReader& config, std::string_view key, double otherwise);
/// The same; throws ConfigError unless the number is positive.
float positive(const ConfigReader& config, std::string_view key, double otherwise);
/// The same where null means 0, "none", and only an absent key the default.
float number_or_none(const ConfigReader& config, std::string_view key, double otherwise);

/// a * b columns; throws ConfigError at `key` where that is more than any matrix has.
int product(const ConfigReader& config, std::string_view key, int a, int b);

/// The width of the sliding window: nothing where `sliding_window` is null or 0, `otherwise` where it is absent.
std::optional<int> read_window(const ConfigReader& config, std::optional<int> otherwise = std::nullopt);
/// The same, and nothing unless `use_sliding_window` is true.
std::optional<int> read_switched_window(const ConfigReader& config);

/// Each layer's mask: `layer_types` decides where the config has it, else `slides(layer)`; a layer that slides sees
/// `window` tokens. Without a window all are causal. Throws ConfigError for an unknown type and a list of another
/// length.
std::vector<Mask> read_masks(const ConfigReader& config, int num_layers, std::optional<int> window,
                             const std::function<bool(int)>& slides);

/// Which layers have experts: every `decoder_sparse_step`-th that is not in `mlp_only_layers`.
std::vector<bool> read_sparse_layers(const ConfigReader& config, int num_layers);

/// How many experts there are and how many of them a token goes to, in the keys' several spellings. Throws ConfigError
/// at the key where a token would go to more than there are.
struct ExpertCounts {
  int num_experts, experts_per_token;
};
ExpertCounts read_expert_counts(const ConfigReader& config, std::optional<int> experts_per_token = std::nullopt);

/// Marks the keys of a router that matter in training only.
void ignore_router_training(const ConfigReader& config);

/// What stands around a decoder's layers.
struct DecoderEnds {
  Norm norm;
  bool tied_by_default = false;  ///< where the config has no `tie_word_embeddings`
  float embedding_scale = 1.0f;
  bool head_bias = false;
  float logit_scale = 1.0f;
  float logit_softcap = 0.0f;
};

/// The layers between `model.embed_tokens` and the head, which is `lm_head` or, tied and without one in the
/// checkpoint, the embedding's table.
CausalLM make_causal_lm(const ConfigReader& config, const DecoderConfig& sizes, const Weights& weights, Device& device,
                        DecoderStack layers, const DecoderEnds& ends);

/// The head of `make_causal_lm`.
LMHead make_head(const LMHead::Config& config, bool tied, const Embedding& embedding, const Weights& weights,
                 Device& device);

}  // namespace ttt::models
