#pragma once
#include <string_view>

#include "ttt/formats/config_reader.h"

namespace ttt::inline v2 {

/// Marks the keys that every Hugging Face config may carry and that do not change a forward pass (names, token ids,
/// training settings), and rejects the ones that would: a quantised checkpoint's `quantization_config`, unless its
/// `quant_method` is `supported_quantization`, and towers for images or sound.
void ignore_common_keys(const ConfigReader& config, std::string_view supported_quantization = {});

}  // namespace ttt::inline v2
