#include "hand_sequence.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "onednn_ffn.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/building_blocks/normalization/rms_norm.h"
#include "ttt/ops/kernel_table.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace ttt::hand {
namespace {

constexpr std::int32_t kChunk = 512;
using Packed = std::shared_ptr<const ops::PackedMatrix>;

/// Rows of float32 that stay where they are.
struct Buffer {
  Buffer(std::int64_t rows, std::int64_t cols, std::uint64_t seed = 0)
      : values(seed == 0 ? std::vector<float>(static_cast<std::size_t>(rows * cols))
                         : testing::random_values(static_cast<std::size_t>(rows * cols), seed)),
        matrix{values.data(), rows, cols} {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::vector<float> values;
  Matrix matrix;
};

/// A step of one sequence with its tokens added: what a block's forward is called with.
struct PreparedStep {
  PreparedStep(Device& device, Rows rows, const CacheLayerSpec& layer, const std::function<void(Step&)>& fill)
      : cache({.layers = {layer},
               .max_tokens = rows.depth + rows.tokens,
               .max_step_tokens = static_cast<int>(std::max<std::int64_t>(rows.tokens, kChunk))},
              device),
        step(cache, device),
        sequence(cache.create()) {
    for (std::int32_t done = 0; done < rows.depth; done += kChunk) {
      add(std::min(kChunk, rows.depth - done));
      fill(step);
      step.commit();
    }
    add(rows.tokens);
  }

  void add(std::int64_t count) {
    step.clear();
    step.add(sequence, std::vector<std::int32_t>(static_cast<std::size_t>(count), 7), LogitRows::none);
  }

  KvCache cache;
  Step step;
  KvCache::Sequence sequence;
};

/// For blocks that have no cache.
PreparedStep without_cache(Device& device, Rows rows) {
  return {device, rows, {1, 16, 16, std::nullopt}, [](Step&) {}};
}

Packed pack(Device& device, std::span<const Tensor> parts) {
  return ops::run<ops::PackMatrix>(device, {.parts = parts});
}

bool same_bits(const Buffer& a, const Buffer& b) {
  return a.values.size() == b.values.size() &&
         std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0;
}

double largest_difference(const Buffer& got, const Buffer& want) {
  double most = 0, size = 0;
  for (std::size_t i = 0; i < want.values.size(); ++i) {
    most = std::max(most, static_cast<double>(std::fabs(got.values[i] - want.values[i])));
    size = std::max(size, static_cast<double>(std::fabs(want.values[i])));
  }
  return most / size;
}

}  // namespace

Pair rms_norm(Device& device, const std::string& name, Rows rows, int hidden) {
  constexpr float kEps = 1e-5f;
  struct State {
    State(Device& device, Rows rows, int hidden)
        : prepared(without_cache(device, rows)),
          x(rows.tokens, hidden, 1),
          y(rows.tokens, hidden),
          hand_y(rows.tokens, hidden) {
      auto memory = std::make_shared<testing::MemoryWeights>();
      weight = device.upload(memory->set_random("weight", {hidden}, 2, 0.1f, 1.0f));
      block.emplace(RMSNorm::Config{hidden, kEps}, Weights(memory), device);
    }
    PreparedStep prepared;
    Buffer x, y, hand_y;
    std::shared_ptr<const float> weight;
    std::optional<RMSNorm> block;
  };
  const auto state = std::make_shared<State>(device, rows, hidden);
  auto* const kernel = device.kernels().get<ops::RmsNorm>();
  return {.name = name,
          .block = [=] { state->block->forward(state->x.matrix, state->prepared.step, state->y.matrix); },
          .by_hand =
              [=, &device] {
                kernel(device, {.x = state->x.matrix,
                                .weight = state->weight.get(),
                                .eps = kEps,
                                .y = state->hand_y.matrix,
                                .group = state->x.matrix.cols});
              },
          .onednn = nullptr,
          .same = [=] { return same_bits(state->y, state->hand_y); },
          .onednn_differs = nullptr};
}

Pair gated_ffn(Device& device, const std::string& name, Rows rows, DType dtype, int hidden, int inner) {
  struct State {
    State(Device& device, Rows rows, DType dtype, int hidden, int inner)
        : prepared(without_cache(device, rows)),
          x(rows.tokens, hidden, 1),
          y(rows.tokens, hidden),
          h(rows.tokens, inner),
          hand_y(rows.tokens, hidden),
          onednn_y(rows.tokens, hidden) {
      const Tensor gate_weight = testing::random_weight(dtype, inner, hidden, 2),
                   up_weight = testing::random_weight(dtype, inner, hidden, 3),
                   down_weight = testing::random_weight(dtype, hidden, inner, 4);
      auto memory = std::make_shared<testing::MemoryWeights>();
      memory->set("gate_proj.weight", gate_weight);
      memory->set("up_proj.weight", up_weight);
      memory->set("down_proj.weight", down_weight);
      block.emplace(GatedFFN::Config{hidden, inner, Activation::silu}, Weights(memory), device);
      gate = pack(device, {&gate_weight, 1});
      up = pack(device, {&up_weight, 1});
      down = pack(device, {&down_weight, 1});
      if (dtype == DType::f32)
        onednn = OneDnnFfn::make(gate_weight, up_weight, down_weight, rows.tokens, device.num_threads());
    }
    PreparedStep prepared;
    Buffer x, y, h, hand_y, onednn_y;
    Packed gate, up, down;
    std::optional<GatedFFN> block;
    std::unique_ptr<OneDnnFfn> onednn;
  };
  const auto state = std::make_shared<State>(device, rows, dtype, hidden, inner);
  auto* const gated_linear = device.kernels().get<ops::GatedLinear>();
  auto* const linear = device.kernels().get<ops::Linear>();
  Pair pair{.name = name,
            .block = [=] { state->block->forward(state->x.matrix, state->prepared.step, state->y.matrix, {}); },
            .by_hand =
                [=, &device] {
                  gated_linear(device, {.gate = *state->gate,
                                        .up = *state->up,
                                        .x = state->x.matrix,
                                        .y = state->h.matrix,
                                        .activation = Activation::silu});
                  linear(device, {.weight = *state->down, .x = state->h.matrix, .y = state->hand_y.matrix});
                },
            .onednn = nullptr,
            .same = [=] { return same_bits(state->y, state->hand_y); },
            .onednn_differs = nullptr};
  if (state->onednn != nullptr) {
    pair.onednn = [=] { state->onednn->run(state->x.values, state->onednn_y.values); };
    pair.onednn_differs = [=] { return largest_difference(state->onednn_y, state->y); };
  }
  return pair;
}

Pair attention(Device& device, const std::string& name, Rows rows, DType dtype, int hidden, int num_heads,
               int num_kv_heads, int head_dim) {
  struct State {
    State(Device& device, Rows rows, DType dtype, int hidden, int q, int kv,
          const GroupedQueryAttention::Config& config)
        : x(std::max<std::int64_t>(rows.tokens, kChunk), hidden, 1),
          y(rows.tokens, hidden),
          qkv(rows.tokens, q + 2 * kv),
          heads(rows.tokens, q),
          hand_y(rows.tokens, hidden),
          cos(rows.tokens, config.head_dim / 2),
          sin(rows.tokens, config.head_dim / 2) {
      const std::array<Tensor, 3> parts{testing::random_weight(dtype, q, hidden, 2),
                                        testing::random_weight(dtype, kv, hidden, 3),
                                        testing::random_weight(dtype, kv, hidden, 4)};
      const Tensor output_weight = testing::random_weight(dtype, hidden, q, 5);
      auto memory = std::make_shared<testing::MemoryWeights>();
      memory->set("q_proj.weight", parts[0]);
      memory->set("k_proj.weight", parts[1]);
      memory->set("v_proj.weight", parts[2]);
      memory->set("o_proj.weight", output_weight);
      block.emplace(config, Weights(memory), device, CacheLayer{0});
      fused = pack(device, parts);
      output = pack(device, {&output_weight, 1});
      Buffer sink(kChunk, hidden);
      const CacheLayerSpec layer{config.num_kv_heads, config.head_dim, config.head_dim, std::nullopt};
      const auto fill = [&](Step& step) {
        block->forward(x.matrix.row_range(0, step.num_rows()), step, sink.matrix.row_range(0, step.num_rows()), {});
      };
      prepared.emplace(device, rows, layer, fill);
      hand_prepared.emplace(device, rows, layer, fill);
      const auto plan = hand_prepared->step.plan();
      const std::vector<std::int32_t> lengths(plan.positions.size(), rows.depth + static_cast<int>(rows.tokens));
      config.rope->fill(plan.positions, lengths, cos.values, sin.values);
    }
    Buffer x, y, qkv, heads, hand_y, cos, sin;
    Packed fused, output;
    std::optional<GroupedQueryAttention> block;
    std::optional<PreparedStep> prepared, hand_prepared;
  };
  const int q = num_heads * head_dim, kv = num_kv_heads * head_dim;
  const float scale = 1 / std::sqrt(static_cast<float>(head_dim));
  const GroupedQueryAttention::Config config{.hidden_size = hidden,
                                             .num_heads = num_heads,
                                             .num_kv_heads = num_kv_heads,
                                             .head_dim = head_dim,
                                             .scale = scale,
                                             .mask = Mask::causal(),
                                             .rope = RotaryEmbedding({.dim = head_dim, .theta = 5e5f})};
  const auto state = std::make_shared<State>(device, rows, dtype, hidden, q, kv, config);
  auto* const linear = device.kernels().get<ops::Linear>();
  auto* const rotary_append = device.kernels().get<ops::RotaryAppend>();
  auto* const attend = device.kernels().get<ops::Attention>();
  const Matrix x = state->x.matrix.row_range(0, rows.tokens);
  const auto plan = state->hand_prepared->step.plan();
  const auto cache = state->hand_prepared->step.cache_layer(0);
  return {.name = name,
          .block = [=] { state->block->forward(x, state->prepared->step, state->y.matrix, {}); },
          .by_hand =
              [=, &device] {
                const Matrix qkv = state->qkv.matrix, heads = state->heads.matrix;
                linear(device, {.weight = *state->fused, .x = x, .y = qkv});
                rotary_append(device, {.plan = plan,
                                       .cache = cache,
                                       .q = qkv.col_range(0, q),
                                       .k = qkv.col_range(q, kv),
                                       .v = qkv.col_range(q + kv, kv),
                                       .num_heads = num_heads,
                                       .rotary_dim = head_dim,
                                       .cos = state->cos.matrix,
                                       .sin = state->sin.matrix});
                attend(device, {.plan = plan,
                                .cache = cache,
                                .q = qkv.col_range(0, q),
                                .out = heads,
                                .num_heads = num_heads,
                                .mask = Mask::causal(),
                                .scale = scale});
                linear(device, {.weight = *state->output, .x = heads, .y = state->hand_y.matrix});
              },
          .onednn = nullptr,
          .same = [=] { return same_bits(state->y, state->hand_y); },
          .onednn_differs = nullptr};
}

}  // namespace ttt::hand
