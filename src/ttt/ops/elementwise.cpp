#include "ttt/ops/elementwise.h"

#include <algorithm>
#include <cmath>

namespace ttt::ops {

void Copy::reference(Device&, const Args& a) {
  for (std::int64_t t = 0; t < a.y.rows; ++t)
    std::copy_n(a.x.row(a.rows.empty() ? t : a.rows[static_cast<std::size_t>(t)]), a.y.cols, a.y.row(t));
}

void AddGated::reference(Device&, const Args& a) {
  for (std::int64_t t = 0; t < a.y.rows; ++t) {
    const float factor = a.gate.data == nullptr ? a.scale : a.scale / (1.0f + std::exp(-a.gate.row(t)[0]));
    for (std::int64_t i = 0; i < a.y.cols; ++i) a.y.row(t)[i] += factor * a.x.row(t)[i];
  }
}

void Softcap::reference(Device&, const Args& a) {
  for (std::int64_t t = 0; t < a.y.rows; ++t)
    for (float *v = a.y.row(t), *end = v + a.y.cols; v != end; ++v) *v = a.cap * std::tanh(*v / a.cap);
}

}  // namespace ttt::ops
