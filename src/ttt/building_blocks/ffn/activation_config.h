#pragma once
#include <string_view>

#include "ttt/formats/config_reader.h"
#include "ttt/ops/activation.h"

namespace ttt::inline v2 {

/// The activation that `key` of a Hugging Face config names, or `otherwise`, such a name too, where it is absent.
/// Throws ConfigError naming the key and listing the known names.
Activation read_activation(const ConfigReader& config, std::string_view key, std::string_view otherwise);

}  // namespace ttt::inline v2
