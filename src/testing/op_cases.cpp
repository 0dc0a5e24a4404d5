#include "op_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>

#include "ttt/building_blocks/step.h"
#include "ttt/formats/dequantize.h"
#include "ttt/ops/attention.h"
#include "ttt/ops/elementwise.h"
#include "ttt/ops/kernel_table.h"
#include "ttt/ops/linear.h"
#include "ttt/ops/moe.h"
#include "ttt/ops/norm.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt::test {
namespace {

using Packed = std::shared_ptr<const ops::PackedMatrix>;

Packed packed(Device& device, DType format, std::int64_t rows, std::int64_t cols, std::uint64_t seed = 1) {
  const std::array<Tensor, 1> parts{testing::random_weight(format, rows, cols, seed)};
  return ops::run<ops::PackMatrix>(device, {.parts = parts});
}

/// Random values [rows, cols].
struct Values {
  std::int64_t rows, cols;
  std::vector<float> values;

  Values(std::int64_t num_rows, std::int64_t num_cols, std::uint64_t seed)
      : rows(num_rows),
        cols(num_cols),
        values(testing::random_values(static_cast<std::size_t>(num_rows * num_cols), seed)) {}
  operator ConstMatrix() const { return {values.data(), rows, cols}; }
  Matrix matrix() { return {values.data(), rows, cols}; }
};

struct LinearInputs {
  using Op = ops::Linear;
  Packed weight;
  Values x, y;

  LinearInputs(Device& device, DType format, std::int64_t rows, std::int64_t cols, std::int64_t tokens)
      : weight(packed(device, format, rows, cols)), x(tokens, cols, 2), y(tokens, rows, 3) {}
  Op::Args args() { return {.weight = *weight, .x = x, .y = y.matrix()}; }
  std::vector<float> output() const { return y.values; }
};

struct GatedLinearInputs {
  using Op = ops::GatedLinear;
  Packed gate, up;
  Values x, y;

  GatedLinearInputs(Device& device, DType format, std::int64_t rows, std::int64_t cols, std::int64_t tokens)
      : gate(packed(device, format, rows, cols, 1)),
        up(packed(device, format, rows, cols, 2)),
        x(tokens, cols, 3),
        y(tokens, rows, 4) {}
  Op::Args args() { return {.gate = *gate, .up = *up, .x = x, .y = y.matrix()}; }
  std::vector<float> output() const { return y.values; }
};

struct EmbedInputs {
  using Op = ops::Embed;
  Packed weight;
  std::vector<std::int32_t> ids;
  Values y;

  EmbedInputs(Device& device, DType format, std::int64_t rows, std::int64_t cols, std::int64_t tokens)
      : weight(packed(device, format, rows, cols)), y(tokens, cols, 2) {
    for (std::int64_t t = 0; t < tokens; ++t) ids.push_back(static_cast<std::int32_t>(t * 997 % rows));
  }
  Op::Args args() { return {.weight = *weight, .ids = ids, .y = y.matrix()}; }
  std::vector<float> output() const { return y.values; }
};

template <class Norm>
struct NormInputs {
  using Op = Norm;
  Values x, weight, y;

  NormInputs(Device&, std::int64_t cols, std::int64_t tokens)
      : x(tokens, cols, 1), weight(1, cols, 2), y(tokens, cols, 3) {}
  typename Op::Args args() { return {.x = x, .weight = weight.values.data(), .eps = 1e-5f, .y = y.matrix()}; }
  std::vector<float> output() const { return y.values; }
};

struct SoftcapInputs {
  using Op = ops::Softcap;
  Values y;

  SoftcapInputs(Device&, std::int64_t cols, std::int64_t tokens) : y(tokens, cols, 1) {}
  Op::Args args() { return {.y = y.matrix(), .cap = 30.0f}; }
  std::vector<float> output() const { return y.values; }
};

struct RouteInputs {
  using Op = ops::Route;
  RoutingRule rule;
  Values logits;
  std::vector<std::int32_t> experts;
  std::vector<float> weights;

  RouteInputs(Device&, std::int64_t num_experts, int chosen, std::int64_t tokens)
      : rule{.experts_per_token = chosen, .normalize_selected = true},
        logits(tokens, num_experts, 1),
        experts(static_cast<std::size_t>(tokens * chosen)),
        weights(experts.size()) {}
  Op::Args args() { return {.logits = logits, .rule = rule, .experts = experts, .weights = weights}; }
  std::vector<float> output() const {
    auto all = weights;
    for (const auto expert : experts) all.push_back(static_cast<float>(expert));
    return all;
  }
};

/// Every token goes to half of the experts.
struct ExpertsInputs {
  using Op = ops::Experts;
  std::vector<Packed> matrices;
  std::vector<ops::Expert> experts;
  std::vector<std::int32_t> chosen;
  std::vector<float> weights;
  Values x, y;

  ExpertsInputs(Device& device, DType format, std::int64_t hidden, std::int64_t inner, int num_experts,
                std::int64_t tokens)
      : x(tokens, hidden, 1), y(tokens, hidden, 2) {
    for (int e = 0; e < num_experts; ++e) {
      const auto add = [&](std::int64_t rows, std::int64_t cols) {
        matrices.push_back(packed(device, format, rows, cols, 3 + matrices.size()));
        return matrices.back().get();
      };
      experts.push_back({.gate = add(inner, hidden), .up = add(inner, hidden), .down = add(hidden, inner)});
    }
    for (std::int64_t t = 0; t < tokens; ++t)
      for (int e = static_cast<int>(t % 2); e < num_experts; e += 2) chosen.push_back(e);
    weights.assign(chosen.size(), 2.0f / static_cast<float>(num_experts));
  }
  Op::Args args() { return {.all = experts, .chosen = chosen, .weights = weights, .x = x, .y = y.matrix()}; }
  std::vector<float> output() const { return y.values; }
};

/// Rows of sequences that have `depth` tokens in a cache of f16: 32 heads of 64 over 8.
class CachedRows {
 public:
  CachedRows(Device& device, int sequences, std::int32_t depth, std::int32_t rows)
      : config_{.layers = {{kKvHeads, kDim, kDim, std::nullopt}},
                .max_tokens = sequences * (depth + rows),
                .dtype = DType::f16,
                .max_sequences = sequences,
                .max_step_tokens = std::max(kChunk, rows)},
        cache_(config_, device),
        step_(cache_, device) {
    for (int s = 0; s < sequences; ++s) sequences_.push_back(cache_.create());
    const std::int32_t chunk = kChunk / sequences;
    for (std::int32_t done = 0; done < depth; done += chunk) {
      begin(std::min(chunk, depth - done));
      ops::run<ops::RotaryAppend>(device, append());
      step_.commit();
    }
    begin(rows);
  }

  ops::RotaryAppend::Args append() {
    const auto turns = step_.rotary(rope_);
    return {.plan = plan_,
            .cache = step_.cache_layer(0),
            .q = q_->matrix(),
            .k = *k_,
            .v = *v_,
            .num_heads = kHeads,
            .rotary_dim = kDim,
            .cos = turns.cos,
            .sin = turns.sin};
  }
  ops::Attention::Args attention(Matrix out) {
    return {.plan = plan_,
            .cache = step_.cache_layer(0),
            .q = *q_,
            .out = out,
            .num_heads = kHeads,
            .mask = Mask::causal(),
            .scale = 1 / std::sqrt(static_cast<float>(kDim))};
  }
  std::int64_t rows() const { return step_.num_rows(); }
  std::int64_t cols() const { return q_->cols; }
  /// The queries, and all that is in the cache.
  std::vector<float> written() {
    auto all = q_->values;
    const auto bytes = KvCache::bytes_for(config_, step_.device().config());
    const auto queries = all.size();
    all.resize(queries + bytes / 2);
    dequantize(DType::f16, {step_.cache_layer(0).storage, bytes}, std::span(all).subspan(queries));
    return all;
  }

 private:
  static constexpr int kHeads = 32, kKvHeads = 8, kDim = 64;
  static constexpr std::int32_t kChunk = 512;

  void begin(std::int32_t count) {
    step_.clear();
    for (const auto sequence : sequences_)
      step_.add(sequence, std::vector<std::int32_t>(static_cast<std::size_t>(count), 0), LogitRows::none);
    plan_ = step_.plan();
    // The same rows in every chunk do: keys turn with their positions.
    if (const std::int64_t n = rows(); !q_ || q_->rows != n) {
      q_.emplace(n, kHeads * kDim, 1);
      k_.emplace(n, kKvHeads * kDim, 2);
      v_.emplace(n, kKvHeads * kDim, 3);
    }
  }

  KvCache::Config config_;
  KvCache cache_;
  Step step_;
  std::vector<KvCache::Sequence> sequences_;
  ops::BatchPlan plan_{};
  RotaryEmbedding rope_{{.dim = kDim, .theta = 5e5f}};
  std::optional<Values> q_, k_, v_;
};

struct RotaryAppendInputs {
  using Op = ops::RotaryAppend;
  CachedRows rows;

  RotaryAppendInputs(Device& device, int sequences, std::int32_t depth, std::int32_t count)
      : rows(device, sequences, depth, count) {}
  Op::Args args() { return rows.append(); }
  std::vector<float> output() { return rows.written(); }
};

struct AttentionInputs {
  using Op = ops::Attention;
  CachedRows rows;
  Values out;

  AttentionInputs(Device& device, int sequences, std::int32_t depth, std::int32_t count)
      : rows(device, sequences, depth, count), out(rows.rows(), rows.cols(), 1) {
    ops::run<ops::RotaryAppend>(device, rows.append());
  }
  Op::Args args() { return rows.attention(out.matrix()); }
  std::vector<float> output() const { return out.values; }
};

template <class Inputs>
class Instance : public OpInstance {
 public:
  template <class... Sizes>
  explicit Instance(Device& device, Sizes... sizes) : device_(device), inputs_(device, sizes...) {}
  void run() override { ops::run<typename Inputs::Op>(device_, inputs_.args()); }
  void reference() override { Inputs::Op::reference(device_, inputs_.args()); }
  std::vector<float> output() override { return inputs_.output(); }

 private:
  Device& device_;
  Inputs inputs_;
};

/// What `name` says after the op's own name.
template <class Inputs, class... Sizes>
OpCase op_case(std::string_view name, double tolerance, Sizes... sizes) {
  return {fmt::format("{}/{}", Inputs::Op::name, name), tolerance, [=](Device& device) -> std::unique_ptr<OpInstance> {
            return std::make_unique<Instance<Inputs>>(device, sizes...);
          }};
}

}  // namespace

std::vector<OpCase> op_cases() {
  constexpr double kProducts = 1.5e-2;  // activations of 8 bits, or bf16
  std::vector<OpCase> cases;
  for (const auto format : {DType::f32, DType::bf16, DType::f16, DType::q8_0, DType::q4_0, DType::q4_k})
    for (const int tokens : {1, 16})
      cases.push_back(op_case<LinearInputs>(fmt::format("{}/2048x2048/{}", name(format), tokens), kProducts, format,
                                            2048, 2048, tokens));
  for (const int tokens : {1, 16}) {
    cases.push_back(op_case<GatedLinearInputs>(fmt::format("q4_0/8192x2048/{}", tokens), kProducts, DType::q4_0, 8192,
                                               2048, tokens));
    cases.push_back(
        op_case<GatedLinearInputs>(fmt::format("q4_1/1536x576/{}", tokens), kProducts, DType::q4_1, 1536, 576, tokens));
    cases.push_back(op_case<ExpertsInputs>(fmt::format("q4_0/8_of_16x768x2048/{}", tokens), kProducts, DType::q4_0,
                                           2048, 768, 16, tokens));
    cases.push_back(op_case<RouteInputs>(fmt::format("8_of_128/{}", tokens), 1e-6, 128, 8, tokens));
    cases.push_back(
        op_case<EmbedInputs>(fmt::format("q8_0/49152x576/{}", tokens), 1e-6, DType::q8_0, 49152, 576, tokens));
    cases.push_back(op_case<NormInputs<ops::RmsNorm>>(fmt::format("2048/{}", tokens), 1e-6, 2048, tokens));
    cases.push_back(op_case<NormInputs<ops::LayerNorm>>(fmt::format("768/{}", tokens), 1e-6, 768, tokens));
  }
  cases.push_back(op_case<SoftcapInputs>("256000/1", 1e-6, 256000, 1));
  struct Rows {
    int sequences;
    std::int32_t depth, count;
  };
  for (const auto [sequences, depth, count] : {Rows{1, 0, 128}, {1, 512, 1}, {1, 4096, 1}, {16, 512, 1}}) {
    const auto rows = fmt::format("32x64_over_8/{}x{}_at_{}", sequences, count, depth);
    // Where a rounding differs, keys differ by one of f16.
    cases.push_back(op_case<RotaryAppendInputs>(rows, 1e-3, sequences, depth, count));
    cases.push_back(op_case<AttentionInputs>(rows, 1e-5, sequences, depth, count));
  }
  return cases;
}

}  // namespace ttt::test
