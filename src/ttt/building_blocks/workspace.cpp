#include "ttt/building_blocks/workspace.h"

#include <algorithm>

namespace ttt::inline v2 {
namespace {
constexpr std::size_t kMatrixAlignment = 64;
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

void Workspace::reserve(std::size_t bytes) {
  const bool in_use = chunk_ != 0 || used_ != 0;
  if (in_use || (!chunks_.empty() && chunks_.front().size >= bytes)) return;
  chunks_.clear();
  const auto size = std::max(bytes, kSmallestChunk);
  chunks_.push_back({device_.allocate(size), size});
}

std::byte* Workspace::take(std::size_t bytes) {
  bytes = (bytes + kMatrixAlignment - 1) / kMatrixAlignment * kMatrixAlignment;
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

std::size_t Workspace::bytes_for(std::int64_t floats) {
  constexpr std::size_t kMatrices = 1024;  // at once, far more than any layer nests; each may be padded
  return std::max(static_cast<std::size_t>(floats) * sizeof(float) + kMatrices * kMatrixAlignment, kSmallestChunk);
}

std::size_t Workspace::bytes() const {
  std::size_t total = 0;
  for (const auto& chunk : chunks_) total += chunk.size;
  return total;
}

}  // namespace ttt::inline v2
