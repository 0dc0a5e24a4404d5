#include "ttt/building_blocks/workspace.h"

#include <algorithm>

namespace ttt {
namespace {
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kSmallestChunk = std::size_t{1} << 20;
}  // namespace

Matrix Workspace::Frame::matrix(std::int64_t rows, std::int64_t cols) { return workspace_.matrix(rows, cols); }

Matrix Workspace::matrix(std::int64_t rows, std::int64_t cols) {
  const auto bytes = static_cast<std::size_t>(rows * cols) * sizeof(float);
  return {reinterpret_cast<float*>(take(bytes)), rows, cols};
}

void Workspace::reset() {
  chunk_ = 0;
  used_ = 0;
}

std::byte* Workspace::take(std::size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (chunk_ < chunks_.size() && used_ + bytes > chunks_[chunk_].size) {
    ++chunk_;
    used_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    const auto size = std::max(bytes, kSmallestChunk);
    chunks_.push_back({device_.allocate(size), size});
    used_ = 0;
  }
  std::byte* const result = chunks_[chunk_].data.get() + used_;
  used_ += bytes;
  return result;
}

std::size_t Workspace::bytes() const {
  std::size_t total = 0;
  for (const auto& chunk : chunks_) total += chunk.size;
  return total;
}

}  // namespace ttt
