#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ttt/formats/weights.h"

namespace ttt::app {

/// One tensor of a checkpoint, as it is stored.
struct ListedTensor {
  std::string name;
  std::optional<WeightSource::Info> info;  ///< none when the library does not know its format
  std::uint64_t bytes = 0;                 ///< 0 without `info`
};

/// All tensors by name, from headers alone.
std::vector<ListedTensor> list_tensors(const WeightSource& source);

}  // namespace ttt::app
