#pragma once
#include "ttt/formats/checkpoint.h"
#include "ttt/patterns/causal_lm.h"

namespace ttt::inline v2 {

/// Names the interface between a program and a model that it loads at run time: both must be built from
/// libraries that agree on it. It changes with every change to the layout of what crosses: ModelEntry,
/// Checkpoint, Weights, Device, CausalLM.
inline constexpr char kModelAbi[] = "ttt-model-2.0";

/// What a model in a shared library of its own, `libttt_model_<name>.so`, tells the program. The library
/// exports
///   extern "C" const ttt::ModelEntry* ttt_model_entry();
/// whose result lives as long as the library is loaded. The CMake function `ttt_add_model_plugin` builds one.
struct ModelEntry {
  const char* abi;         ///< kModelAbi of the library that the model was built against; the first field, always
  const char* model_type;  ///< of the checkpoints that `build` takes
  /// Builds the model; takes its tensors from `weights` and throws subclasses of Error.
  CausalLM (*build)(const ConfigReader& config, Weights weights, Device& device, Checkpoint::Kind kind);
};

}  // namespace ttt::inline v2
