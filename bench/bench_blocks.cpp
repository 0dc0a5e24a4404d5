// Speed of the building blocks at the sizes of published models, as a share of the roofline measured in this process.
//
// usage: bench_blocks [--threads N] [--isa LEVEL] [Google Benchmark's options]
// Weights are q8_0 and rotate through more memory than a cache holds, as they do in a model. Counters are of the best
// run: GB/s of weights, keys and values; GFLOP/s; `roofline`, the least time this machine could take over the time
// taken.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "machine.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/embeddings/embedding.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/building_blocks/ffn/mlp.h"
#include "ttt/building_blocks/ffn/moe.h"
#include "ttt/building_blocks/lm_head.h"
#include "ttt/building_blocks/normalization/layer_norm.h"
#include "ttt/building_blocks/normalization/rms_norm.h"
#include "ttt/testing/memory_weights.h"
#include "ttt/testing/random_weight.h"

namespace {

using namespace ttt;

constexpr std::int32_t kChunk = 512;

/// Runs one block once over the step's rows.
using Forward = std::function<void(Step&, ConstMatrix x, Matrix out)>;

/// What the runs of one case share.
struct Copies {
  std::string of;  ///< the case
  std::vector<Forward> forwards;
};

/// A block at the sizes of a published model. `copies` of it are made, so that one call's weights are not the last's.
struct BlockCase {
  std::string name;
  std::int64_t in, out;
  std::uint64_t weight_bytes;  ///< about
  std::vector<CacheLayerSpec> cache;
  std::function<Forward(Device&)> make;
};

using Shapes = std::vector<std::pair<std::string, Shape>>;

Weights random_weights(const Shapes& shapes) {
  auto weights = std::make_shared<testing::MemoryWeights>();
  for (const auto& [name, shape] : shapes) {
    if (shape.rank() == 1)
      weights->set_random(name, shape, 1, 0.1f, 1.0f);
    else
      weights->set(name, testing::random_weight(DType::q8_0, shape[0], shape[1], 1));
  }
  return Weights(weights);
}

/// A Forward that owns its block.
template <class Block>
Forward forward_of(Block block) {
  return [block = std::make_shared<Block>(std::move(block))](Step& step, ConstMatrix x, Matrix out) {
    if constexpr (requires { block->forward(step, out); })
      block->forward(step, out);
    else
      block->forward(x, step, out);
  };
}

BlockCase attention_case(const std::string& name, int hidden, int heads, int kv_heads, int head_dim) {
  return {name,
          hidden,
          hidden,
          static_cast<std::uint64_t>(hidden) * 2 * (heads + kv_heads) * head_dim,
          {{kv_heads, head_dim, head_dim, std::nullopt}},
          [=](Device& device) {
            const auto weights = random_weights({{"q_proj.weight", {heads * head_dim, hidden}},
                                                 {"k_proj.weight", {kv_heads * head_dim, hidden}},
                                                 {"v_proj.weight", {kv_heads * head_dim, hidden}},
                                                 {"o_proj.weight", {hidden, heads * head_dim}}});
            return forward_of(GroupedQueryAttention({.hidden_size = hidden,
                                                     .num_heads = heads,
                                                     .num_kv_heads = kv_heads,
                                                     .head_dim = head_dim,
                                                     .scale = 1 / std::sqrt(static_cast<float>(head_dim)),
                                                     .mask = Mask::causal(),
                                                     .rope = RotaryEmbedding({.dim = head_dim, .theta = 5e5f})},
                                                    weights, device, CacheLayer{0}));
          }};
}

BlockCase gated_ffn_case(const std::string& name, int hidden, int inner) {
  return {name, hidden, hidden, std::uint64_t{3} * hidden * inner, {}, [=](Device& device) {
            const auto weights = random_weights({{"gate_proj.weight", {inner, hidden}},
                                                 {"up_proj.weight", {inner, hidden}},
                                                 {"down_proj.weight", {hidden, inner}}});
            return forward_of(GatedFFN({hidden, inner, Activation::silu}, weights, device));
          }};
}

BlockCase mlp_case(const std::string& name, int hidden, int inner) {
  return {name, hidden, hidden, std::uint64_t{2} * hidden * inner, {}, [=](Device& device) {
            const auto weights =
                random_weights({{"up_proj.weight", {inner, hidden}}, {"down_proj.weight", {hidden, inner}}});
            return forward_of(MLP({hidden, inner, Activation::gelu_tanh, false}, weights, device));
          }};
}

BlockCase experts_case(const std::string& name, int hidden, int inner, int experts, int chosen) {
  return {name, hidden, hidden, std::uint64_t{3} * hidden * inner * experts, {}, [=](Device& device) {
            Shapes shapes{{"gate.weight", {experts, hidden}}};
            for (int e = 0; e < experts; ++e) {
              const auto path = "experts." + std::to_string(e) + ".";
              shapes.push_back({path + "gate_proj.weight", {inner, hidden}});
              shapes.push_back({path + "up_proj.weight", {inner, hidden}});
              shapes.push_back({path + "down_proj.weight", {hidden, inner}});
            }
            return forward_of(MixtureOfExperts(
                {.router = {hidden, experts, {.experts_per_token = chosen}}, .intermediate_size = inner},
                random_weights(shapes), device));
          }};
}

template <class Norm>
BlockCase norm_case(const std::string& name, int size) {
  return {name, size, size, std::uint64_t{4} * size, {}, [=](Device& device) {
            return forward_of(Norm({size, 1e-5f}, random_weights({{"weight", {size}}, {"bias", {size}}}), device));
          }};
}

std::vector<BlockCase> cases() {
  const auto embedding = [](Device& device) {
    return forward_of(Embedding({32000, 2048}, random_weights({{"weight", {32000, 2048}}}), device));
  };
  const auto head = [](Device& device) {
    return forward_of(LMHead({2048, 32000}, random_weights({{"weight", {32000, 2048}}}), device));
  };
  return {attention_case("gqa/llama_3_2_1b", 2048, 32, 8, 64),
          attention_case("gqa/smollm2_135m", 576, 9, 3, 64),
          attention_case("gqa/mistral_7b", 4096, 32, 8, 128),
          gated_ffn_case("gated_ffn/llama_3_2_1b", 2048, 8192),
          gated_ffn_case("gated_ffn/smollm2_135m", 576, 1536),
          mlp_case("mlp/gpt2", 768, 3072),
          experts_case("moe/qwen3_moe_16_of_128", 2048, 768, 16, 8),
          norm_case<RMSNorm>("rms_norm/llama_3_2_1b", 2048),
          norm_case<LayerNorm>("layer_norm/gpt2", 768),
          {"embedding/llama_2", 1, 2048, std::uint64_t{32000} * 2048, {}, embedding},
          {"lm_head/llama_2", 2048, 32000, std::uint64_t{32000} * 2048, {}, head}};
}

void bench_block(benchmark::State& state, const bench::Machine& machine, const BlockCase& c, Copies& made) {
  const auto tokens = static_cast<std::int32_t>(state.range(0)), depth = static_cast<std::int32_t>(state.range(1));
  auto& copies = made.forwards;
  if (made.of != c.name) {
    copies.clear();
    do copies.push_back(c.make(*machine.device));
    while (copies.size() < 64 && copies.size() * c.weight_bytes < bench::kColdBytes);
    made.of = c.name;
  }

  auto layers = c.cache;
  if (layers.empty()) layers = {{1, 16, 16, std::nullopt}};
  KvCache cache({.layers = layers, .max_tokens = depth + tokens + 1, .max_step_tokens = std::max(tokens, kChunk)},
                *machine.device);
  Step step(cache, *machine.device);
  const auto sequence = cache.create();
  const auto rows = static_cast<std::size_t>(std::max(tokens, kChunk));
  const auto x = testing::random_values(rows * static_cast<std::size_t>(c.in), 2);
  std::vector<float> y(rows * static_cast<std::size_t>(c.out));
  const auto run = [&](std::int32_t count, const Forward& forward) {
    step.clear();
    step.add(sequence, std::vector<std::int32_t>(static_cast<std::size_t>(count), 7), LogitRows::none);
    const auto start = std::chrono::steady_clock::now();
    forward(step, {x.data(), count, c.in}, Matrix{y.data(), count, c.out});
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (std::int32_t done = 0; done < depth; done += kChunk) {
    run(std::min(kChunk, depth - done), copies.front());
    step.commit();
  }
  machine.work->reset();
  run(tokens, copies.front());
  const Work work = machine.work->total();
  double best = 1e30;
  std::size_t next = 0;
  for (auto _ : state) {
    const double seconds = run(tokens, copies[++next % copies.size()]);
    state.SetIterationTime(seconds);
    best = std::min(best, seconds);
  }
  machine.set_counters(state, work, best);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const bench::Machine machine(bench::read_arguments(argc, argv));
  Copies copies;
  const auto all = cases();
  for (const auto& c : all) {
    auto* b =
        benchmark::RegisterBenchmark(c.name.c_str(), [&](benchmark::State& s) { bench_block(s, machine, c, copies); });
    b->ArgNames({"tokens", "depth"})->UseManualTime()->Unit(benchmark::kMicrosecond);
    for (const int tokens : {1, 16, 512}) b->Args({tokens, 0});
    if (!c.cache.empty()) b->Args({1, 4096})->Args({512, 3584});
  }
  benchmark::RunSpecifiedBenchmarks();
}
