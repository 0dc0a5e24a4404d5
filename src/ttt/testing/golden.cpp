#include "ttt/testing/golden.h"

#include <fmt/format.h>

#include <limits>

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/formats/safetensors.h"

namespace ttt::inline v2::testing {
namespace {

std::vector<std::vector<std::int32_t>> read_ids(const Tensor& tensor, const std::string& where) {
  if (tensor.dtype() != DType::i64 || tensor.shape().rank() != 2)
    throw FormatError(
        where, fmt::format("token ids: expected int64 [B, T], got {} {}", name(tensor.dtype()), tensor.shape().str()));
  // Files may be unaligned; a copy is not.
  const Tensor aligned = Tensor::make(DType::i64, tensor.shape(), [&](std::span<std::byte> out) {
    std::copy(tensor.bytes().begin(), tensor.bytes().end(), out.begin());
  });
  const auto values = aligned.values<std::int64_t>();
  const auto cols = static_cast<std::size_t>(tensor.shape()[1]);
  std::vector<std::vector<std::int32_t>> rows;
  for (std::int64_t b = 0; b < tensor.shape()[0]; ++b) {
    auto& row = rows.emplace_back();
    for (const auto id : values.subspan(static_cast<std::size_t>(b) * cols, cols)) {
      if (id < 0 || id > std::numeric_limits<std::int32_t>::max())
        throw FormatError(where, fmt::format("token id {} is out of range", id));
      row.push_back(static_cast<std::int32_t>(id));
    }
  }
  return rows;
}

}  // namespace

Golden Golden::load(const std::filesystem::path& file) {
  const auto source = open_safetensors(file);
  const auto where = file.string();
  const auto require = [&](const char* name) {
    if (!source->find(name)) throw FormatError(where, fmt::format("expected a tensor '{}'", name));
    return source->load(name);
  };
  Golden golden;
  golden.input_ids = read_ids(require("input_ids"), where);
  golden.logits = to_f32(require(source->find("last_hidden_state") ? "last_hidden_state" : "logits"));
  const auto& shape = golden.logits.shape();
  golden.batch = static_cast<std::int64_t>(golden.input_ids.size());
  golden.tokens = golden.batch == 0 ? 0 : static_cast<std::int64_t>(golden.input_ids.front().size());
  if (shape.rank() != 3 || shape[0] != golden.batch || shape[1] != golden.tokens || shape.count() == 0)
    throw FormatError(where,
                      fmt::format("logits: expected [{}, {}, V], got {}", golden.batch, golden.tokens, shape.str()));
  golden.vocab_size = shape[2];
  if (source->find("greedy")) golden.greedy = read_ids(source->load("greedy"), where);
  if (source->find("hidden_0")) golden.hidden_0 = to_f32(source->load("hidden_0"));
  if (source->find("hidden_last")) golden.hidden_last = to_f32(source->load("hidden_last"));
  return golden;
}

std::span<const float> Golden::logits_of(std::int64_t row) const {
  const auto size = static_cast<std::size_t>(tokens * vocab_size);
  return logits.values<float>().subspan(static_cast<std::size_t>(row) * size, size);
}

}  // namespace ttt::inline v2::testing
