#include "norm.h"

#include <algorithm>
#include <cmath>

#include "cpu_device.h"

namespace ttt::cpu {
namespace {

using ops::Write;

/// Sum of f(x[i]) in sixteen chains, so that the compiler can keep them in vector lanes without changing the order.
template <class F>
float sum(const float* x, std::int64_t n, F f) {
  float partial[16] = {};
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int lane = 0; lane < 16; ++lane) partial[lane] += f(x[i + lane]);
  for (; i < n; ++i) partial[i % 16] += f(x[i]);
  for (int half = 8; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) partial[lane] += partial[lane + half];
  return partial[0];
}

/// Calls `normalise(x, y, n, w)` for every group of every row, on the team when there are many.
template <class Args, class F>
void for_each_group(Device& device, const Args& a, F normalise) {
  const std::int64_t n = a.group > 0 ? a.group : a.x.cols;
  const auto row = [&](std::int64_t t) {
    for (std::int64_t first = 0; first < a.x.cols; first += n)
      normalise(a.x.row(t) + first, a.y.row(t) + first, n, first / n * a.weight_stride);
  };
  constexpr std::int64_t kInline = 8, kRowsPerTask = 8;
  if (a.x.rows <= kInline) {
    for (std::int64_t t = 0; t < a.x.rows; ++t) row(t);
    return;
  }
  cpu_device(device).pool().run((a.x.rows + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task) {
    for (auto t = task * kRowsPerTask; t < std::min(a.x.rows, (task + 1) * kRowsPerTask); ++t) row(t);
  });
}

void write(float& y, float value, Write mode) { y = mode == Write::add ? y + value : value; }

}  // namespace

void rms_norm(Device& device, const ops::RmsNorm::Args& a) {
  for_each_group(device, a, [&](const float* x, float* y, std::int64_t n, std::int64_t w) {
    const float scale = 1.0f / std::sqrt(sum(x, n, [](float v) { return v * v; }) / static_cast<float>(n) + a.eps);
    for (std::int64_t i = 0; i < n; ++i) write(y[i], x[i] * scale * (a.weight ? a.weight[w + i] : 1.0f), a.write);
  });
}

void layer_norm(Device& device, const ops::LayerNorm::Args& a) {
  for_each_group(device, a, [&](const float* x, float* y, std::int64_t n, std::int64_t w) {
    const float count = static_cast<float>(n);
    const float mean = sum(x, n, [](float v) { return v; }) / count;
    const float scale = 1.0f / std::sqrt(sum(x, n, [&](float v) { return (v - mean) * (v - mean); }) / count + a.eps);
    for (std::int64_t i = 0; i < n; ++i)
      write(y[i], (x[i] - mean) * scale * (a.weight ? a.weight[w + i] : 1.0f) + (a.bias ? a.bias[w + i] : 0.0f),
            a.write);
  });
}

}  // namespace ttt::cpu
