#include "registry.h"

#include <array>

#include "cohere/cohere.h"
#include "cohere2/cohere2.h"
#include "gemma/gemma.h"
#include "gemma2/gemma2.h"
#include "gemma3/gemma3.h"
#include "granite/granite.h"
#include "llama3/llama.h"
#include "mistral/mistral.h"
#include "olmo2/olmo2.h"
#include "qwen2/qwen2.h"
#include "qwen3/qwen3.h"
#include "smollm3/smollm3.h"

namespace ttt::models {

std::span<const Family> families() {
  static constexpr std::array kFamilies{
      Family{"cohere", load_cohere},
      Family{"cohere2", load_cohere2},
      Family{"command-r", load_cohere},
      Family{"gemma", load_gemma},
      Family{"gemma2", load_gemma2},
      Family{"gemma3", load_gemma3},
      Family{"gemma3_text", load_gemma3},
      Family{"granite", load_granite},
      Family{"llama", load_llama},
      Family{"mistral", load_mistral},
      Family{"olmo2", load_olmo2},
      Family{"qwen2", load_qwen2},
      Family{"qwen3", load_qwen3},
      Family{"smollm3", load_smollm3},
  };
  return kFamilies;
}

}  // namespace ttt::models
