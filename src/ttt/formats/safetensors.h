#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ttt/formats/weights.h"

namespace ttt::inline v2 {

/// Opens a .safetensors file, or a folder with `model.safetensors.index.json` and its shards or with
/// `model.safetensors`. Headers are read and checked now, tensors are views into the mapped files. A dtype the
/// library does not know is an error only when that tensor is asked for. Throws FormatError.
std::shared_ptr<const WeightSource> open_safetensors(const std::filesystem::path& path);

/// The same for one file's bytes in memory (tests, fuzzers).
std::shared_ptr<const WeightSource> parse_safetensors(std::shared_ptr<const std::byte> data, std::size_t size,
                                                      std::string where);

/// Writes tensors of plain dtypes in the order given; throws ttt::Error for block formats, tensors without
/// data and duplicate names,
/// FormatError when the file cannot be written.
void save_safetensors(const std::filesystem::path& path, const std::vector<std::pair<std::string, Tensor>>& tensors);

}  // namespace ttt::inline v2
