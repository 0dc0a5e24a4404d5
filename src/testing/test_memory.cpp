#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/attention/mla.h"
#include "ttt/building_blocks/ffn/moe.h"
#include "ttt/patterns/causal_lm.h"
#include "ttt/patterns/encoder.h"
#include "ttt/patterns/output_norm_layer.h"
#include "ttt/patterns/parallel_layer.h"
#include "ttt/patterns/post_norm_layer.h"
#include "ttt/patterns/pre_norm_layer.h"
#include "ttt/patterns/sandwich_norm_layer.h"

namespace ttt::test {
namespace {

/// Has any tensor of any shape asked for: what is tested here are sizes.
class AnyWeights : public WeightSource {
 public:
  explicit AnyWeights(std::vector<std::pair<std::string, Shape>> shapes) : shapes_(std::move(shapes)) {}
  std::optional<Info> find(std::string_view name) const override {
    for (const auto& [suffix, shape] : shapes_)
      if (name.ends_with(suffix)) return Info{DType::f32, shape};
    return std::nullopt;
  }
  Tensor load(std::string_view name) const override {
    return Tensor::make(DType::f32, find(name).value().shape,
                        [](std::span<std::byte> out) { std::ranges::fill(out, std::byte{0}); });
  }
  std::vector<std::string> names() const override { return {}; }
  std::string where() const override { return "any"; }

 private:
  std::vector<std::pair<std::string, Shape>> shapes_;
};

constexpr int kVocab = 97, kRank = 24, kNope = 8, kRope = 4, kExperts = 6;

enum class Kind { pre_norm, sandwich, output_norm, parallel, parallel_two_norms, experts, latent };

struct MemoryCase {
  std::string name;
  Kind kind;
  int hidden, num_heads, num_kv_heads, head_dim, inner;
  std::vector<int> rows;  ///< of the steps, one after the other
};

void PrintTo(const MemoryCase& c, std::ostream* out) { *out << c.name; }

Weights make_weights(const MemoryCase& c) {
  const int q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  const bool latent = c.kind == Kind::latent;
  return Weights(std::make_shared<AnyWeights>(std::vector<std::pair<std::string, Shape>>{
      {"table.weight", {kVocab, c.hidden}},
      {"shared_expert_gate.weight", {1, c.hidden}},
      {"router.gate.weight", {kExperts, c.hidden}},
      {"kv_a_layernorm.weight", {kRank}},
      {"norm.weight", {c.hidden}},
      {"q_proj.weight", {latent ? c.num_heads * (kNope + kRope) : q, c.hidden}},
      {"k_proj.weight", {kv, c.hidden}},
      {"v_proj.weight", {kv, c.hidden}},
      {"kv_a_proj_with_mqa.weight", {kRank + kRope, c.hidden}},
      {"o_proj.weight", {c.hidden, q}},
      {"gate_proj.weight", {c.inner, c.hidden}},
      {"up_proj.weight", {c.inner, c.hidden}},
      {"down_proj.weight", {c.hidden, c.inner}},
      {"k.weight", {kRank, kNope}},
      {"v.weight", {c.head_dim, kRank}}}));
}

/// Names of heads ("k_b_proj.3") that `make_weights` knows by one name.
Weights with_heads(const Weights& w) {
  return w.renamed([](std::string_view name) -> std::optional<std::string> {
    if (name.find("k_b_proj.") != name.npos) return "k.weight";
    if (name.find("v_b_proj.") != name.npos) return "v.weight";
    return std::string(name);
  });
}

void add_layer(DecoderStack& layers, const MemoryCase& c, const Weights& w, Device& device, CacheLayer cache,
               Mask mask = Mask::causal()) {
  const RMSNorm norm({c.hidden, 1e-6f}, w / "norm", device);
  const GatedFFN ffn({.hidden_size = c.hidden, .intermediate_size = c.inner, .activation = Activation::silu}, w,
                     device);
  if (c.kind == Kind::latent) {
    const MultiHeadLatentAttention attention({.hidden_size = c.hidden,
                                              .num_heads = c.num_heads,
                                              .q_lora_rank = std::nullopt,
                                              .kv_lora_rank = kRank,
                                              .qk_nope_head_dim = kNope,
                                              .qk_rope_head_dim = kRope,
                                              .v_head_dim = c.head_dim,
                                              .scale = 1,
                                              .mask = mask,
                                              .rope = RotaryEmbedding({.dim = kRope, .theta = 100}),
                                              .latent_norm_eps = 1e-6f},
                                             with_heads(w), device, cache);
    return layers.push_back(PreNormLayer<RMSNorm, MultiHeadLatentAttention, GatedFFN>{norm, attention, norm, ffn});
  }
  using Attention = GroupedQueryAttention;
  const Attention attention({.hidden_size = c.hidden,
                             .num_heads = c.num_heads,
                             .num_kv_heads = c.num_kv_heads,
                             .head_dim = c.head_dim,
                             .scale = 1,
                             .mask = mask},
                            w, device, cache);
  switch (c.kind) {
    case Kind::sandwich:
      return layers.push_back(SandwichNormLayer<RMSNorm, Attention, GatedFFN>{norm, attention, norm, norm, ffn, norm});
    case Kind::output_norm:
      return layers.push_back(OutputNormLayer<RMSNorm, Attention, GatedFFN>{attention, norm, ffn, norm});
    case Kind::parallel:
      return layers.push_back(ParallelLayer<RMSNorm, Attention, GatedFFN>{norm, attention, std::nullopt, ffn});
    case Kind::parallel_two_norms:
      return layers.push_back(ParallelLayer<RMSNorm, Attention, GatedFFN>{norm, attention, norm, ffn});
    case Kind::experts: {
      const MixtureOfExperts::Config config{
          .router = {.hidden_size = c.hidden, .num_experts = kExperts, .rule = {.experts_per_token = 2}},
          .intermediate_size = c.inner,
          .shared = MixtureOfExperts::SharedExpert{c.inner, true}};
      return layers.push_back(
          PreNormLayer<RMSNorm, Attention, MixtureOfExperts>{norm, attention, norm, {config, w / "router", device}});
    }
    default:
      return layers.push_back(PreNormLayer<RMSNorm, Attention, GatedFFN>{norm, attention, norm, ffn});
  }
}

class Memory : public ::testing::TestWithParam<MemoryCase> {
 protected:
  std::unique_ptr<Device> device_ = Device::open(DeviceConfig::auto_detect(), {.threads = 2, .log = silent_log()});
};

TEST_P(Memory, WorkspaceStaysWithinWhatWasPlanned) {
  const auto& c = GetParam();
  const auto w = make_weights(c);
  DecoderStack layers;
  for (int i = 0; i < 2; ++i) add_layer(layers, c, w, *device_, {i});
  const Embedding embedding({kVocab, c.hidden}, w / "table", *device_);
  const CausalLM model{.embedding = embedding,
                       .positions = {},
                       .layers = std::move(layers),
                       .norm = RMSNorm({c.hidden, 1e-6f}, w / "norm", *device_),
                       .head = LMHead({c.hidden, kVocab}, w / "table", *device_)};
  std::int64_t tokens = 0;
  for (const int rows : c.rows) tokens += rows;
  KvCache cache(
      {.layers = model.cache_layers(), .max_tokens = tokens, .max_step_tokens = *std::ranges::max_element(c.rows)},
      *device_);
  const auto sequence = cache.create();
  for (const auto wanted : {LogitRows::all, LogitRows::last}) {
    Step step(cache, *device_);
    cache.truncate(sequence, 0);
    std::uint64_t bound = 0;
    for (const int rows : c.rows) {
      step.clear();
      step.add(sequence, std::vector<std::int32_t>(static_cast<std::size_t>(rows), 1), wanted);
      model.forward(step);
      bound = std::max(bound, model.workspace_bytes(rows, static_cast<std::int64_t>(step.logit_rows().size())));
      EXPECT_LE(step.workspace().bytes(), bound) << rows << " rows";
    }
  }
}

TEST_P(Memory, WorkspaceOfAnEncoderStaysWithinWhatWasPlanned) {
  const auto& c = GetParam();
  const auto w = make_weights(c);
  DecoderStack layers;
  add_layer(layers, c, w, *device_, {0}, Mask::bidirectional());
  const Encoder model{.embedding = Embedding({kVocab, c.hidden}, w / "table", *device_),
                      .positions = {},
                      .token_types = {},
                      .norm = RMSNorm({c.hidden, 1e-6f}, w / "norm", *device_),
                      .layers = std::move(layers)};
  const int most = *std::ranges::max_element(c.rows);
  KvCache cache(
      {.layers = model.cache_layers(), .max_tokens = 2 * most + 256, .max_sequences = 2, .max_step_tokens = 2 * most},
      *device_);
  Step step(cache, *device_);
  std::uint64_t bound = 0;
  for (const int rows : c.rows) {
    step.clear();
    const auto first = cache.create(), second = cache.create();
    for (const auto s : {first, second})
      step.add(s, std::vector<std::int32_t>(static_cast<std::size_t>(rows), 1), LogitRows::none);
    model.pool(step, model.forward(step), Pooling::mean);
    bound = std::max(bound, model.workspace_bytes(2 * rows, 2));
    EXPECT_LE(step.workspace().bytes(), bound) << rows << " rows of two sequences";
    cache.drop(first);
    cache.drop(second);
  }
}

// Feed-forward layers wider and narrower than what attention takes, steps that grow and shrink.
INSTANTIATE_TEST_SUITE_P(
    Sizes, Memory,
    ::testing::Values(MemoryCase{"wide_ffn", Kind::pre_norm, 128, 4, 4, 32, 1536, {900}},
                      MemoryCase{"narrow_ffn", Kind::pre_norm, 128, 8, 8, 64, 32, {700}},
                      MemoryCase{"growing_steps", Kind::pre_norm, 128, 4, 1, 32, 1024, {1, 40, 300, 900}},
                      MemoryCase{"shrinking_steps", Kind::pre_norm, 128, 4, 1, 32, 1024, {900, 300, 7, 1, 1}},
                      MemoryCase{"odd_sizes", Kind::pre_norm, 129, 3, 1, 17, 1001, {501, 3, 777}},
                      MemoryCase{"sandwich", Kind::sandwich, 128, 4, 2, 32, 1536, {900, 1}},
                      MemoryCase{"output_norm", Kind::output_norm, 128, 4, 2, 32, 1536, {1, 900}},
                      MemoryCase{"parallel", Kind::parallel, 128, 4, 2, 32, 1536, {900, 1}},
                      MemoryCase{"parallel_two_norms", Kind::parallel_two_norms, 128, 4, 2, 32, 1536, {900, 5}},
                      MemoryCase{"experts", Kind::experts, 128, 4, 2, 32, 768, {1, 900}},
                      MemoryCase{"latent", Kind::latent, 128, 8, 1, 32, 1024, {900, 1}}),
    [](const auto& info) { return info.param.name; });

TEST(Workspace, ReserveMakesOnePiece) {
  const auto device = Device::open(DeviceConfig::auto_detect(), {.threads = 1, .log = silent_log()});
  Workspace workspace(*device);
  constexpr std::int64_t kMiB = 1 << 18;  // of floats
  workspace.matrix(1, 2 * kMiB);
  workspace.matrix(1, 3 * kMiB);
  EXPECT_EQ(workspace.bytes(), 5u << 20);
  workspace.reserve(8u << 20);
  EXPECT_EQ(workspace.bytes(), 5u << 20) << "matrices are in use";
  workspace.reset();
  workspace.reserve(6u << 20);
  EXPECT_EQ(workspace.bytes(), 6u << 20);
  float* const first = workspace.matrix(1, kMiB).data;
  workspace.matrix(1, 5 * kMiB);
  EXPECT_EQ(workspace.bytes(), 6u << 20);
  workspace.reset();
  workspace.reserve(100);
  EXPECT_EQ(workspace.matrix(1, 1).data, first) << "what is large enough stays where it is";
}

}  // namespace
}  // namespace ttt::test
