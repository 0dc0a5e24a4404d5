#include "golden_model.h"

#include <algorithm>

namespace ttt::models {

GoldenModel::GoldenModel(const std::filesystem::path& folder, DeviceOptions options)
    : GoldenModel(Checkpoint::open(folder), std::move(options)) {}

GoldenModel::GoldenModel(const Checkpoint& checkpoint, DeviceOptions options)
    : device_(Device::open(DeviceConfig::auto_detect(), std::move(options))),
      model_(load_llama(checkpoint.config, checkpoint.weights, *device_, checkpoint.kind)) {
  checkpoint.weights.finish();
}

KvCache GoldenModel::make_cache(std::int64_t tokens, int sequences) const {
  const DType dtype = device_->options().precision == Precision::exact ? DType::f32 : DType::f16;
  return KvCache({.layers = model_.cache_layers(), .max_tokens = tokens, .dtype = dtype, .max_sequences = sequences}, *device_);
}

std::vector<std::vector<float>> GoldenModel::logits(const std::vector<std::vector<std::int32_t>>& rows, std::size_t chunk) {
  const std::size_t tokens = rows.front().size(), step_tokens = chunk == 0 ? tokens : chunk;
  KvCache cache = make_cache(static_cast<std::int64_t>(rows.size() * (tokens + 64)), static_cast<int>(rows.size()));
  Step step(cache, *device_);
  std::vector<KvCache::Sequence> sequences;
  for (std::size_t i = 0; i < rows.size(); ++i) sequences.push_back(cache.create());
  std::vector<std::vector<float>> result(rows.size());
  for (std::size_t first = 0; first < tokens; first += step_tokens) {
    const std::size_t count = std::min(step_tokens, tokens - first);
    step.clear();
    for (std::size_t i = 0; i < rows.size(); ++i)
      step.add(sequences[i], std::span(rows[i]).subspan(first, count), LogitRows::all, static_cast<std::int32_t>(tokens));
    const Matrix logits = model_.forward(step);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float* begin = logits.row(static_cast<std::int64_t>(i * count));
      result[i].insert(result[i].end(), begin, begin + static_cast<std::int64_t>(count) * logits.cols);
    }
  }
  return result;
}

std::vector<std::int32_t> GoldenModel::greedy(const std::vector<std::int32_t>& prompt, std::size_t count) {
  KvCache cache = make_cache(static_cast<std::int64_t>(prompt.size() + count), 1);
  Step step(cache, *device_);
  const auto sequence = cache.create();
  std::vector<std::int32_t> next = prompt, result;
  while (result.size() < count) {
    step.clear();
    step.add(sequence, next);
    const Matrix logits = model_.forward(step);
    next = {static_cast<std::int32_t>(std::max_element(logits.row(0), logits.row(0) + logits.cols) - logits.row(0))};
    result.push_back(next.front());
  }
  return result;
}

std::vector<std::filesystem::path> golden_folders() {
  std::vector<std::filesystem::path> folders;
  for (const std::filesystem::path root : {TTT_GOLDENS, TTT_SHARED_GOLDENS}) {
    if (!std::filesystem::is_directory(root)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
      // A checkpoint whose weights are a link that did not survive copying is not there.
      const auto single = entry.path() / "model.safetensors";
      const bool there = std::filesystem::exists(entry.path() / "model.safetensors.index.json") ||
                         (std::filesystem::exists(single) && std::filesystem::file_size(single) > 1000);
      if (entry.path().filename().string().starts_with("llama-") && there) folders.push_back(entry.path());
    }
  }
  std::ranges::sort(folders);
  return folders;
}

}  // namespace ttt::models
