#include "ttt/testing/golden_model.h"

#include <algorithm>

#include "ttt/generation/sampling.h"

namespace ttt::inline v2::testing {

GoldenModel::GoldenModel(const ModelFactory& factory, const std::filesystem::path& checkpoint, DeviceOptions options)
    : GoldenModel(factory, Checkpoint::open(checkpoint), std::move(options)) {}

GoldenModel::GoldenModel(const ModelFactory& factory, const Checkpoint& checkpoint, DeviceOptions options)
    : device_(Device::open(DeviceConfig::auto_detect(), std::move(options))),
      model_(factory(checkpoint.config, checkpoint.weights, *device_, checkpoint.kind)) {
  // Buffers of rotary frequencies are in old checkpoints, and are computed instead.
  checkpoint.weights.finish();
}

KvCache GoldenModel::make_cache(std::int64_t tokens, int sequences) const {
  return KvCache({.layers = model_.cache_layers(),
                  .max_tokens = tokens,
                  .dtype = device_->options().precision == Precision::exact ? DType::f32 : DType::f16,
                  .max_sequences = sequences},
                 *device_);
}

std::vector<std::vector<float>> GoldenModel::logits(const std::vector<TokenRow>& rows, std::size_t chunk) const {
  std::size_t longest = 0, total = 0;
  for (const auto& row : rows) {
    longest = std::max(longest, row.size());
    total += row.size();
  }
  const std::size_t step_tokens = chunk == 0 ? longest : chunk;
  KvCache cache = make_cache(static_cast<std::int64_t>(total), static_cast<int>(rows.size()));
  Step step(cache, *device_);
  std::vector<KvCache::Sequence> sequences;
  for (std::size_t i = 0; i < rows.size(); ++i) sequences.push_back(cache.create());

  std::vector<std::vector<float>> result(rows.size());
  for (std::size_t first = 0; first < longest; first += step_tokens) {
    step.clear();
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (first < rows[i].size())
        step.add(sequences[i], std::span(rows[i]).subspan(first, std::min(step_tokens, rows[i].size() - first)),
                 LogitRows::all, static_cast<std::int32_t>(rows[i].size()));
    const Matrix logits = model_.forward(step);
    std::int64_t row = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t t = first; t < std::min(first + step_tokens, rows[i].size()); ++t, ++row)
        result[i].insert(result[i].end(), logits.row(row), logits.row(row) + logits.cols);
  }
  return result;
}

TokenRow GoldenModel::greedy(const TokenRow& prompt, std::size_t count) const {
  KvCache cache = make_cache(static_cast<std::int64_t>(prompt.size() + count), 1);
  Step step(cache, *device_);
  const auto sequence = cache.create();
  TokenRow next = prompt, result;
  while (result.size() < count) {
    step.clear();
    step.add(sequence, next);
    const Matrix logits = model_.forward(step);
    next = {argmax({logits.row(0), static_cast<std::size_t>(logits.cols)})};
    result.push_back(next.front());
  }
  return result;
}

void append_logits(const CausalLM& model, Step& step, KvCache::Sequence sequence, std::span<const std::int32_t> tokens,
                   std::size_t total_length, std::vector<float>& to) {
  step.clear();
  step.add(sequence, tokens, LogitRows::all, static_cast<std::int32_t>(total_length));
  const Matrix logits = model.forward(step);
  for (std::int64_t row = 0; row < logits.rows; ++row)
    to.insert(to.end(), logits.row(row), logits.row(row) + logits.cols);
}

}  // namespace ttt::inline v2::testing
