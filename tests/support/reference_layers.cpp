#include "reference_layers.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "ttt/formats/dequantize.h"

namespace ttt::test {
namespace {

/// In four sums: one would wait for itself, and these loops are most of what tier 2 takes.
template <class Value>
double dot(const std::vector<double>& x, const Value* y) {
  double sums[4] = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= x.size(); i += 4)
    for (std::size_t j = 0; j < 4; ++j) sums[j] += x[i + j] * static_cast<double>(y[i + j]);
  for (; i < x.size(); ++i) sums[0] += x[i] * static_cast<double>(y[i]);
  return sums[0] + sums[1] + sums[2] + sums[3];
}

}  // namespace

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
    for (std::size_t o = 0; o < out; ++o) y[t][o] += dot(x[t], w.data() + o * in);
  return y;
}

namespace {

using Values = std::vector<double>;

Values vector_at(const WeightSource& weights, const std::string& name) {
  const Tensor t = to_f32(weights.load(name));
  return {t.values<float>().begin(), t.values<float>().end()};
}

/// Rotates the first `dim` of the columns from `first` on; row t stands at `position` + t.
void rotate(Rows& rows, int first, int dim, double theta, bool interleaved, std::size_t position = 0) {
  for (std::size_t t = 0; t < rows.size(); ++t)
    for (int d = 0; d < dim / 2; ++d) {
      const double angle = static_cast<double>(position + t) * std::pow(theta, -2.0 * d / dim);
      double& a = rows[t][static_cast<std::size_t>(first + (interleaved ? 2 * d : d))];
      double& b = rows[t][static_cast<std::size_t>(first + (interleaved ? 2 * d + 1 : d + dim / 2))];
      const double rotated_a = a * std::cos(angle) - b * std::sin(angle);
      b = b * std::cos(angle) + a * std::sin(angle);
      a = rotated_a;
    }
}

/// One head: q, k and v are its columns alone, q of the last tokens. `sink` is -infinity for none.
Rows attend(const Rows& q, const Rows& k, const Rows& v, double scale, int window, double softcap, double sink,
            bool bidirectional) {
  Rows out(q.size(), Values(v.front().size(), 0.0));
  for (std::size_t t = 0; t < q.size(); ++t) {
    const auto width = static_cast<std::size_t>(window);
    const std::size_t seen = bidirectional ? k.size() : k.size() - q.size() + t + 1;
    Values p(seen, 0.0);
    double sum = std::exp(sink);
    for (std::size_t j = window > 0 && seen > width ? seen - width : 0; j < seen; ++j) {
      const double s = scale * dot(q[t], k[j].data());
      sum += p[j] = std::exp(softcap > 0 ? softcap * std::tanh(s / softcap) : s);
    }
    for (std::size_t j = 0; j < seen; ++j) {
      const double share = p[j] / sum;
      for (std::size_t d = 0; d < v[j].size(); ++d) out[t][d] += share * v[j][d];
    }
  }
  return out;
}

Rows columns(const Rows& rows, int first, int count) {
  Rows result;
  for (const auto& row : rows) result.emplace_back(row.begin() + first, row.begin() + first + count);
  return result;
}

void append_columns(Rows& rows, const Rows& more) {
  rows.resize(more.size());
  for (std::size_t t = 0; t < more.size(); ++t) rows[t].insert(rows[t].end(), more[t].begin(), more[t].end());
}

void normalize(std::span<double> x, bool center, double eps) {
  double mean = 0, squares = 0;
  for (const double v : x) mean += v;
  mean = center ? mean / static_cast<double>(x.size()) : 0;
  for (const double v : x) squares += (v - mean) * (v - mean);
  for (double& v : x) v = (v - mean) / std::sqrt(squares / static_cast<double>(x.size()) + eps);
}

}  // namespace

Rows reference_rms_norm(const Rows& x, const WeightSource& weights, const std::string& path, double eps) {
  Rows y = x;
  const auto w = vector_at(weights, path + ".weight");
  for (auto& row : y) {
    normalize(row, false, eps);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] *= w[i];
  }
  return y;
}

Rows reference_layer_norm(const Rows& x, const WeightSource& weights, const std::string& path, double eps) {
  Rows y = x;
  const auto w = vector_at(weights, path + ".weight");
  const auto b = weights.find(path + ".bias") ? vector_at(weights, path + ".bias") : Values(w.size(), 0.0);
  for (auto& row : y) {
    normalize(row, true, eps);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = row[i] * w[i] + b[i];
  }
  return y;
}

void reference_query_key_norm(Rows& rows, int num_heads, int head_dim, const WeightSource& weights,
                              const std::string& path, const QueryKeyNorm::Config& norm) {
  const auto w = vector_at(weights, path + ".weight");
  const auto b = norm.bias ? vector_at(weights, path + ".bias") : Values(w.size(), 0.0);
  const auto dim =
      static_cast<std::size_t>(norm.scope == QueryKeyNorm::Scope::all_heads ? num_heads * head_dim : head_dim);
  for (auto& row : rows) {
    for (std::size_t first = 0; first < row.size(); first += dim)
      normalize(std::span(row).subspan(first, dim), norm.kind == QueryKeyNorm::Kind::layer, norm.eps);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = row[i] * w[i % w.size()] + b[i % w.size()];
  }
}

Rows reference_attention(const Rows& x, const WeightSource& weights, const std::string& path,
                         const AttentionNumbers& n) {
  Rows q = reference_linear({x.begin() + static_cast<std::ptrdiff_t>(n.first), x.end()}, weights, path + ".q_proj");
  Rows k = reference_linear(x, weights, path + ".k_proj");
  const Rows v = reference_linear(x, weights, path + ".v_proj");
  if (n.qk_norm) {
    reference_query_key_norm(q, n.num_heads, n.head_dim, weights, path + ".q_norm", *n.qk_norm);
    reference_query_key_norm(k, n.num_kv_heads, n.head_dim, weights, path + ".k_norm", *n.qk_norm);
  }
  for (int h = 0; h < n.num_heads; ++h) rotate(q, h * n.head_dim, n.rotary_dim, n.theta, n.interleaved, n.first);
  for (int h = 0; h < n.num_kv_heads; ++h) rotate(k, h * n.head_dim, n.rotary_dim, n.theta, n.interleaved);
  const auto sinks =
      n.sinks ? vector_at(weights, path + ".sinks") : Values(static_cast<std::size_t>(n.num_heads), -INFINITY);
  Rows heads;
  const int group = n.num_heads / n.num_kv_heads;
  for (int kv = 0; kv < n.num_kv_heads; ++kv) {
    const Rows keys = columns(k, kv * n.head_dim, n.head_dim), values = columns(v, kv * n.head_dim, n.head_dim);
    for (int h = kv * group; h < (kv + 1) * group; ++h)
      append_columns(heads, attend(columns(q, h * n.head_dim, n.head_dim), keys, values, n.scale, n.window, n.softcap,
                                   sinks[static_cast<std::size_t>(h)], n.bidirectional));
  }
  return reference_linear(heads, weights, path + ".o_proj");
}

Rows reference_latent_attention(const Rows& x, const WeightSource& weights, const std::string& path,
                                const LatentNumbers& n) {
  Rows q = n.q_lora_rank == 0 ? reference_linear(x, weights, path + ".q_proj")
                              : reference_linear(reference_rms_norm(reference_linear(x, weights, path + ".q_a_proj"),
                                                                    weights, path + ".q_a_layernorm", n.eps),
                                                 weights, path + ".q_b_proj");
  const Rows down = reference_linear(x, weights, path + ".kv_a_proj_with_mqa");
  const Rows latent = reference_rms_norm(columns(down, 0, n.kv_lora_rank), weights, path + ".kv_a_layernorm", n.eps);
  Rows k_rope = columns(down, n.kv_lora_rank, n.rope);
  rotate(k_rope, 0, n.rope, n.theta, n.interleaved);
  Rows heads;
  for (int h = 0; h < n.num_heads; ++h) {
    const auto name = std::to_string(h);
    const int first = h * (n.nope + n.rope);
    rotate(q, first + n.nope, n.rope, n.theta, n.interleaved);
    const auto up = vector_at(weights, path + ".k_b_proj." + name + ".weight");  // [kv_lora_rank, nope]
    Rows k(x.size(), Values(static_cast<std::size_t>(n.nope), 0.0));
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t r = 0; r < latent[t].size(); ++r)
        for (std::size_t d = 0; d < k[t].size(); ++d) k[t][d] += up[r * k[t].size() + d] * latent[t][r];
    append_columns(k, k_rope);
    append_columns(
        heads, attend(columns(q, first, n.nope + n.rope), k,
                      reference_linear(latent, weights, path + ".v_b_proj." + name), n.scale, 0, 0, -INFINITY, false));
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
double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

}  // namespace ttt::test
