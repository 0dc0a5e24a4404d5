#include "registry.h"

#include <array>
#include <string>

#include "bert/bert.h"
#include "cohere/cohere.h"
#include "cohere2/cohere2.h"
#include "deepseek/deepseek.h"
#include "falcon/falcon.h"
#include "gemma/gemma.h"
#include "gemma2/gemma2.h"
#include "gemma3/gemma3.h"
#include "gpt2/gpt2.h"
#include "gpt_neox/gpt_neox.h"
#include "gpt_oss/gpt_oss.h"
#include "granite/granite.h"
#include "llama3/llama.h"
#include "mistral/mistral.h"
#include "mixtral/mixtral.h"
#include "olmo2/olmo2.h"
#include "phi/phi.h"
#include "phi3/phi3.h"
#include "qwen2/qwen2.h"
#include "qwen2_moe/qwen2_moe.h"
#include "qwen3/qwen3.h"
#include "qwen3_moe/qwen3_moe.h"
#include "smollm3/smollm3.h"
#include "stablelm/stablelm.h"
#include "starcoder2/starcoder2.h"
#include "ttt/core/error.h"

namespace ttt::models {
namespace {

/// GGUF calls both "llama"; experts tell them apart.
CausalLM load_llama_or_mixtral(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind) {
  return (config.has("num_local_experts") ? load_mixtral : load_llama)(config, std::move(weights), device, kind);
}

}  // namespace

std::span<const Family> families() {
  static constexpr std::array kFamilies{
      Family{"bert", load_bert},
      Family{"cohere", load_cohere},
      Family{"cohere2", load_cohere2},
      Family{"command-r", load_cohere},
      Family{"deepseek2", load_deepseek},
      Family{"deepseek_v2", load_deepseek},
      Family{"deepseek_v3", load_deepseek},
      Family{"falcon", load_falcon},
      Family{"gemma", load_gemma},
      Family{"gemma2", load_gemma2},
      Family{"gemma3", load_gemma3},
      Family{"gemma3_text", load_gemma3},
      Family{"gpt-oss", load_gpt_oss},
      Family{"gpt2", load_gpt2},
      Family{"gpt_neox", load_gpt_neox},
      Family{"gpt_oss", load_gpt_oss},
      Family{"gptneox", load_gpt_neox},
      Family{"granite", load_granite},
      Family{"llama", load_llama_or_mixtral},
      Family{"mistral", load_mistral},
      Family{"mixtral", load_mixtral},
      Family{"olmo2", load_olmo2},
      Family{"phi", load_phi},
      Family{"phi2", load_phi},
      Family{"phi3", load_phi3},
      Family{"qwen2", load_qwen2},
      Family{"qwen2_moe", load_qwen2_moe},
      Family{"qwen2moe", load_qwen2_moe},
      Family{"qwen3", load_qwen3},
      Family{"qwen3_moe", load_qwen3_moe},
      Family{"qwen3moe", load_qwen3_moe},
      Family{"smollm3", load_smollm3},
      Family{"stablelm", load_stablelm},
      Family{"starcoder2", load_starcoder2},
  };
  return kFamilies;
}

Model build(const Checkpoint& checkpoint, const Weights& weights, Device& device) {
  std::string known;
  for (const auto& family : families()) {
    known += (known.empty() ? "" : ", ") + std::string(family.model_type);
    if (family.model_type != checkpoint.model_type) continue;
    return std::visit([&](auto build) -> Model { return build(checkpoint.config, weights, device, checkpoint.kind); },
                      family.build);
  }
  throw ConfigError(checkpoint.path.string(),
                    "no model is built for model_type \"" + checkpoint.model_type + "\"; there are: " + known);
}

}  // namespace ttt::models
