#include "ttt/building_blocks/embeddings/embedding.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "ttt/core/error.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {
namespace {

std::shared_ptr<const ops::PackedMatrix> pack_table(const Weights& weights, int rows, int cols, Device& device) {
  const std::array<Tensor, 1> parts{weights.take("weight", {rows, cols})};
  return ops::run<ops::PackMatrix>(device, {parts});
}

void check_ids(std::span<const std::int32_t> ids, int size, std::string_view what) {
  for (const auto id : ids)
    if (id < 0 || id >= size) throw RequestError(what, fmt::format("expected a value in [0, {}), got {}", size, id));
}

}  // namespace

Embedding::Embedding(const Config& config, const Weights& weights, Device& device)
    : config_(config), weight_(pack_table(weights, config.vocab_size, config.hidden_size, device)) {}

void Embedding::forward(Step& step, Matrix y) const {
  const auto ids = step.plan().token_ids;
  check_ids(ids, config_.vocab_size, "token id");
  ops::run<ops::Embed>(step.device(), {.weight = *weight_, .ids = ids, .scale = config_.scale, .y = y});
}

PositionEmbedding::PositionEmbedding(const Config& config, const Weights& weights, Device& device)
    : config_(config), weight_(pack_table(weights, config.num_positions, config.hidden_size, device)) {}

void PositionEmbedding::forward(Step& step, Matrix y) const {
  const auto positions = step.plan().positions;
  std::vector<std::int32_t> rows(positions.begin(), positions.end());
  for (auto& row : rows) row += config_.offset;
  check_ids(rows, config_.num_positions, "position");
  ops::run<ops::Embed>(step.device(), {.weight = *weight_, .ids = rows, .y = y, .write = Write::add});
}

TokenTypeEmbedding::TokenTypeEmbedding(const Config& config, const Weights& weights, Device& device)
    : weight_(pack_table(weights, config.num_types, config.hidden_size, device)) {}

void TokenTypeEmbedding::forward(Step& step, Matrix y) const {
  const std::vector<std::int32_t> rows(static_cast<std::size_t>(y.rows), 0);
  ops::run<ops::Embed>(step.device(), {.weight = *weight_, .ids = rows, .y = y, .write = Write::add});
}

}  // namespace ttt::inline v2
