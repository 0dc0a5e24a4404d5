#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "joined_tensor.h"
#include "meta_params.h"

namespace ttt::app {

/// A checkpoint in Meta's layout: params.json, and consolidated.safetensors or its shards by tensor parallelism,
/// consolidated.00.safetensors and so on. The layout is that of meta-llama's llama-models.
class MetaCheckpoint {
 public:
  /// Maps the files and checks every name and shape against params.json. Throws FormatError for files that are missing
  /// or broken, WeightError for a tensor that is missing, left over or misshaped, ConfigError for params.json.
  explicit MetaCheckpoint(const std::filesystem::path& folder);

  /// The files that it was made from, params.json first.
  const std::vector<std::filesystem::path>& files() const { return files_; }
  /// In the order in which they are written: embedding, layers, norm, head.
  const std::vector<JoinedTensor>& tensors() const { return tensors_; }
  /// config.json of a LlamaForCausalLM, without what is the tokenizer's.
  nlohmann::ordered_json hf_config() const;
  const MetaParams& params() const { return params_; }

 private:
  MetaParams params_;
  std::vector<std::filesystem::path> files_;
  std::vector<JoinedTensor> tensors_;
  std::int64_t vocab_size_ = 0, hidden_dim_ = 0;
  bool tied_ = false;
};

}  // namespace ttt::app
