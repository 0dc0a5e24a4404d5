#pragma once
#include "ttt/formats/config_reader.h"

namespace ttt::models {

/// Marks the keys that every Hugging Face config may carry and that do not change a forward pass (names, token ids,
/// training settings), and rejects the ones that would (a quantised checkpoint's `quantization_config`).
void ignore_common_keys(const ConfigReader& config);

}  // namespace ttt::models
