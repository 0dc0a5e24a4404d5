#include "ttt/formats/common_keys.h"

#include <array>
#include <string>

namespace ttt::inline v2 {

void ignore_common_keys(const ConfigReader& config, std::string_view supported_quantization) {
  static constexpr std::array<std::string_view, 50> kHarmless{"architectures",
                                                              "max_position_embeddings",
                                                              "model_type",
                                                              "torch_dtype",
                                                              "dtype",
                                                              "transformers_version",
                                                              "_name_or_path",
                                                              "n_ctx",
                                                              "name_or_path",
                                                              "bos_token_id",
                                                              "eos_token_id",
                                                              "pad_token_id",
                                                              "decoder_start_token_id",
                                                              "use_cache",
                                                              "initializer_range",
                                                              "attention_dropout",
                                                              "hidden_dropout",
                                                              "resid_pdrop",
                                                              "embd_pdrop",
                                                              "attn_pdrop",
                                                              "pretraining_tp",
                                                              "output_attentions",
                                                              "output_hidden_states",
                                                              "return_dict",
                                                              "_attn_implementation",
                                                              "_attn_implementation_autoset",
                                                              "id2label",
                                                              "label2id",
                                                              "problem_type",
                                                              "chunk_size_feed_forward",
                                                              "task_specific_params",
                                                              "auto_map",
                                                              "unsloth_version",
                                                              "unsloth_fixed",
                                                              "cache_implementation",
                                                              "classifier_dropout",
                                                              "reorder_and_upcast_attn",
                                                              "summary_activation",
                                                              "summary_first_dropout",
                                                              "summary_proj_to_labels",
                                                              "summary_type",
                                                              "summary_use_proj",
                                                              "embedding_dropout",
                                                              "residual_dropout",
                                                              "attention_probs_dropout_prob",
                                                              "hidden_dropout_prob",
                                                              "tokenizer_class",
                                                              "use_bfloat16",
                                                              "torchscript"};
  config.ignore(kHarmless);
  if (const auto quantization = config.object("quantization_config")) {
    const auto method = quantization->string("quant_method", "");
    if (supported_quantization.empty() || method != supported_quantization)
      config.fail("quantization_config",
                  "quant_method '" + method +
                      "' is not supported; take the checkpoint before quantisation, or a GGUF file of it");
  }
  for (const std::string_view tower : {"vision_config", "audio_config"})
    if (config.has(tower)) config.fail(tower, "only the text model is supported; take a checkpoint of it alone");
  config.require("is_encoder_decoder", "false");
  config.require("add_cross_attention", "false");
}

}  // namespace ttt::inline v2
