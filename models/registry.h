#pragma once
#include <span>
#include <string_view>
#include <variant>

#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"
#include "ttt/patterns/encoder.h"

namespace ttt::models {

/// A family of models: how to build one from a checkpoint whose `model_type` (Hugging Face) or architecture (GGUF) is
/// `model_type`.
struct Family {
  std::string_view model_type;
  using BuildCausalLM = CausalLM (*)(const ConfigReader& config, Weights weights, Device& device,
                                     Checkpoint::Kind kind);
  using BuildEncoder = Encoder (*)(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);
  std::variant<BuildCausalLM, BuildEncoder> build;
};

/// The families in this folder, by name.
std::span<const Family> families();

using Model = std::variant<CausalLM, Encoder>;

/// Builds the checkpoint's model from `weights`, its own or a plan of them. Throws ConfigError listing the families
/// when none builds its model_type.
Model build(const Checkpoint& checkpoint, const Weights& weights, Device& device);

}  // namespace ttt::models
