#include "ttt/patterns/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ttt/core/error.h"

namespace ttt::inline v2 {
namespace {

/// The mean of a sequence's rows, or its first row.
void pool_rows(ConstMatrix rows, Pooling pooling, float* out) {
  const std::int64_t count = pooling == Pooling::mean ? rows.rows : 1;
  for (std::int64_t i = 0; i < rows.cols; ++i) {
    double sum = 0;
    for (std::int64_t t = 0; t < count; ++t) sum += rows.row(t)[i];
    out[i] = static_cast<float>(sum / static_cast<double>(count));
  }
}

void normalize(float* v, std::int64_t size) {
  double squares = 0;
  for (std::int64_t i = 0; i < size; ++i) squares += static_cast<double>(v[i]) * v[i];
  const double length = std::max(std::sqrt(squares), 1e-12);
  for (std::int64_t i = 0; i < size; ++i) v[i] = static_cast<float>(v[i] / length);
}

}  // namespace

Matrix Encoder::forward(Step& step) const {
  for (const auto& sequence : step.plan().sequences) {
    if (sequence.first_position != 0) throw RequestError("encoder", "a sequence must be encoded whole, in one step");
    if (max_positions > 0 && sequence.num_rows > max_positions)
      throw RequestError("encoder", fmt::format("expected at most {} tokens, got {}; shorten the text", max_positions,
                                                sequence.num_rows));
  }
  auto& workspace = step.workspace();
  workspace.reserve(workspace_bytes(step.num_rows(), static_cast<std::int64_t>(step.plan().sequences.size())));
  const Matrix x = workspace.matrix(step.num_rows(), hidden_size());
  embedding.forward(step, x);
  if (positions) positions->forward(step, x);
  if (token_types) token_types->forward(step, x);
  norm.forward(x, step, x);
  layers.forward(x, step);
  step.commit();
  return x;
}

Matrix Encoder::pool(Step& step, ConstMatrix hidden, Pooling pooling) const {
  const auto sequences = step.plan().sequences;
  const Matrix result = step.workspace().matrix(static_cast<std::int64_t>(sequences.size()), hidden_size());
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    float* out = result.row(static_cast<std::int64_t>(s));
    pool_rows(hidden.row_range(sequences[s].first_row, sequences[s].num_rows), pooling, out);
    normalize(out, hidden_size());
  }
  return result;
}

std::uint64_t Encoder::weight_bytes() const {
  return embedding.weight_bytes() + (positions ? positions->weight_bytes() : 0) +
         (token_types ? token_types->weight_bytes() : 0) + norm.weight_bytes() + layers.weight_bytes();
}

std::uint64_t Encoder::workspace_bytes(std::int64_t rows, std::int64_t sequences) const {
  const std::int64_t floats = rows * (hidden_size() + layers.workspace_cols()) + sequences * hidden_size();
  return Workspace::bytes_for(floats);
}

}  // namespace ttt::inline v2
