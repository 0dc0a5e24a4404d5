#include "output_shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "ttt/core/error.h"

namespace ttt::app {
namespace {

std::string_view safetensors_dtype(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return "F16";
    case DType::bf16:
      return "BF16";
    case DType::f32:
      return "F32";
    case DType::f64:
      return "F64";
    default:
      throw Error("safetensors", fmt::format("no floating type {}", name(dtype)));
  }
}

}  // namespace

std::string OutputShard::header() const {
  nlohmann::ordered_json json{{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t at = 0;
  for (const auto* tensor : tensors) {
    const auto shape = tensor->shape();
    json[tensor->name] = {{"dtype", safetensors_dtype(tensor->dtype())},
                          {"shape", std::vector<std::int64_t>(shape.dims().begin(), shape.dims().end())},
                          {"data_offsets", {at, at + tensor->bytes()}}};
    at += tensor->bytes();
  }
  auto text = json.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  std::string prefix(8, '\0');
  const std::uint64_t length = text.size();
  std::memcpy(prefix.data(), &length, prefix.size());
  return prefix + text;
}

std::uint64_t OutputShard::bytes() const {
  auto sum = std::uint64_t{header().size()};
  for (const auto* tensor : tensors) sum += tensor->bytes();
  return sum;
}

void OutputShard::write(std::ostream& out) const {
  const auto start = header();
  out.write(start.data(), static_cast<std::streamsize>(start.size()));
  for (const auto* tensor : tensors) tensor->write(out);
}

std::vector<OutputShard> output_shards(const std::vector<JoinedTensor>& tensors, std::uint64_t max_bytes) {
  std::vector<OutputShard> shards;
  std::uint64_t in_last = 0;
  for (const auto& tensor : tensors) {
    if (shards.empty() || in_last + tensor.bytes() > max_bytes) {
      shards.emplace_back();
      in_last = 0;
    }
    shards.back().tensors.push_back(&tensor);
    in_last += tensor.bytes();
  }
  for (std::size_t i = 0; i < shards.size(); ++i)
    shards[i].file = shards.size() == 1 ? std::string("model.safetensors")
                                        : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
  return shards;
}

nlohmann::ordered_json shard_index(const std::vector<OutputShard>& shards) {
  std::uint64_t total = 0;
  auto map = nlohmann::ordered_json::object();
  for (const auto& shard : shards)
    for (const auto* tensor : shard.tensors) {
      map[tensor->name] = shard.file;
      total += tensor->bytes();
    }
  return {{"metadata", {{"total_size", total}}}, {"weight_map", map}};
}

}  // namespace ttt::app
