#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "llama.h"
#include "ttt/testing/golden.h"

namespace ttt::models {

/// A checkpoint built on a device of its own.
class GoldenModel {
 public:
  GoldenModel(const std::filesystem::path& folder, DeviceOptions options);

  Device& device() { return *device_; }
  const CausalLM& model() const { return model_; }
  /// A cache with room for `tokens` in all.
  KvCache make_cache(std::int64_t tokens, int sequences) const;

  /// Logits [T, V] of each row, all rows in one step of `chunk` tokens a sequence at a time (0: whole).
  std::vector<std::vector<float>> logits(const std::vector<std::vector<std::int32_t>>& rows, std::size_t chunk = 0);
  /// The `count` most likely tokens after a prompt, one at a time.
  std::vector<std::int32_t> greedy(const std::vector<std::int32_t>& prompt, std::size_t count);

 private:
  GoldenModel(const Checkpoint& checkpoint, DeviceOptions options);
  std::unique_ptr<Device> device_;
  CausalLM model_;
};

/// Folders of the project's own goldens of this family, then of the shared ones when those are there.
std::vector<std::filesystem::path> golden_folders();

}  // namespace ttt::models
