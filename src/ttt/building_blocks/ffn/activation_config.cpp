#include "ttt/building_blocks/ffn/activation_config.h"

#include <string>

namespace ttt::inline v2 {

Activation read_activation(const ConfigReader& config, std::string_view key, std::string_view otherwise) {
  return parse_activation(config.string(key, otherwise), config.where() + ": " + std::string(key));
}

}  // namespace ttt::inline v2
