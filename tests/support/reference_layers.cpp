#include "reference_layers.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ttt/formats/dequantize.h"

namespace ttt::test {

Rows reference_linear(const Rows& x, const WeightSource& weights, const std::string& path) {
  const Tensor weight = to_f32(weights.load(path + ".weight"));
  const auto w = weight.values<float>();
  const auto out = static_cast<std::size_t>(weight.shape()[0]), in = static_cast<std::size_t>(weight.shape()[1]);
  std::vector<double> bias(out, 0.0);
  if (weights.find(path + ".bias")) {
    const Tensor b = to_f32(weights.load(path + ".bias"));
    std::ranges::copy(b.values<float>(), bias.begin());
  }
  Rows y(x.size(), bias);
  for (std::size_t t = 0; t < x.size(); ++t)
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t i = 0; i < in; ++i) y[t][o] += x[t][i] * w[o * in + i];
  return y;
}

namespace {

/// Rotates pairs (d, d + dim/2) of every head.
void rotate(Rows& rows, int num_heads, const AttentionNumbers& n) {
  const int half = n.rotary_dim / 2;
  for (std::size_t t = 0; t < rows.size(); ++t)
    for (int h = 0; h < num_heads; ++h)
      for (int d = 0; d < half; ++d) {
        const double angle = static_cast<double>(t) * std::pow(n.theta, -2.0 * d / n.rotary_dim);
        double& a = rows[t][static_cast<std::size_t>(h * n.head_dim + d)];
        double& b = rows[t][static_cast<std::size_t>(h * n.head_dim + d + half)];
        const double rotated_a = a * std::cos(angle) - b * std::sin(angle);
        b = b * std::cos(angle) + a * std::sin(angle);
        a = rotated_a;
      }
}

}  // namespace

Rows reference_attention(const Rows& x, const WeightSource& weights, const std::string& path, const AttentionNumbers& n) {
  Rows q = reference_linear(x, weights, path + ".q_proj"), k = reference_linear(x, weights, path + ".k_proj");
  const Rows v = reference_linear(x, weights, path + ".v_proj");
  rotate(q, n.num_heads, n);
  rotate(k, n.num_kv_heads, n);
  Rows heads(x.size(), std::vector<double>(static_cast<std::size_t>(n.num_heads * n.head_dim), 0.0));
  const auto dim = static_cast<std::size_t>(n.head_dim);
  for (std::size_t t = 0; t < x.size(); ++t)
    for (std::size_t h = 0; h < static_cast<std::size_t>(n.num_heads); ++h) {
      const std::size_t kv = h * static_cast<std::size_t>(n.num_kv_heads) / static_cast<std::size_t>(n.num_heads);
      const std::size_t window = static_cast<std::size_t>(n.window);
      const std::size_t first = n.window > 0 && t + 1 > window ? t + 1 - window : 0;
      std::vector<double> p(t + 1, 0.0);
      double sum = 0;
      for (std::size_t j = first; j <= t; ++j) {
        double s = 0;
        for (std::size_t d = 0; d < dim; ++d) s += q[t][h * dim + d] * k[j][kv * dim + d];
        sum += p[j] = std::exp(n.scale * s);
      }
      for (std::size_t j = first; j <= t; ++j)
        for (std::size_t d = 0; d < dim; ++d) heads[t][h * dim + d] += p[j] / sum * v[j][kv * dim + d];
    }
  return reference_linear(heads, weights, path + ".o_proj");
}

Rows reference_gated_ffn(const Rows& x, const WeightSource& weights, const std::string& path,
                         const std::function<double(double)>& activation) {
  Rows gate = reference_linear(x, weights, path + ".gate_proj");
  const Rows up = reference_linear(x, weights, path + ".up_proj");
  for (std::size_t t = 0; t < gate.size(); ++t)
    for (std::size_t i = 0; i < gate[t].size(); ++i) gate[t][i] = activation(gate[t][i]) * up[t][i];
  return reference_linear(gate, weights, path + ".down_proj");
}

Rows reference_mlp(const Rows& x, const WeightSource& weights, const std::string& path,
                   const std::function<double(double)>& activation) {
  Rows h = reference_linear(x, weights, path + ".up_proj");
  for (auto& row : h)
    for (auto& value : row) value = activation(value);
  return reference_linear(h, weights, path + ".down_proj");
}

double silu(double x) { return x / (1 + std::exp(-x)); }
double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); }
double gelu_tanh(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))); }

}  // namespace ttt::test
