#include "common/config.h"

#include <array>

namespace ttt::models {

void ignore_common_keys(const ConfigReader& config) {
  static constexpr std::array<std::string_view, 34> kHarmless{
      "architectures", "model_type", "torch_dtype", "dtype", "transformers_version", "_name_or_path", "name_or_path",
      "bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "use_cache", "initializer_range",
      "attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "pretraining_tp", "output_attentions",
      "output_hidden_states", "return_dict", "_attn_implementation", "_attn_implementation_autoset", "is_llama_config",
      "id2label", "label2id", "problem_type", "chunk_size_feed_forward", "task_specific_params", "auto_map",
      "unsloth_version", "unsloth_fixed", "cache_implementation"};
  config.ignore(kHarmless);
  config.require("quantization_config", "null");
  config.require("is_encoder_decoder", "false");
  config.require("add_cross_attention", "false");
}

}  // namespace ttt::models
