#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "joined_tensor.h"

namespace ttt::app {

/// One safetensors file of a converted checkpoint.
struct OutputShard {
  std::string file;
  std::vector<const JoinedTensor*> tensors;

  /// The file's first bytes: the header's length, and the header.
  std::string header() const;
  std::uint64_t bytes() const;  ///< of the whole file
  void write(std::ostream& out) const;
};

/// The tensors in order, as many in a file as `max_bytes` hold and at least one, under Hugging Face's names for files.
std::vector<OutputShard> output_shards(const std::vector<JoinedTensor>& tensors, std::uint64_t max_bytes);

/// model.safetensors.index.json: which file holds which tensor.
nlohmann::ordered_json shard_index(const std::vector<OutputShard>& shards);

}  // namespace ttt::app
