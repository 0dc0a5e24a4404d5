#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "block_harness.h"
#include "ttt/building_blocks/attention/gqa.h"
#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/building_blocks/normalization/layer_norm.h"
#include "ttt/building_blocks/normalization/rms_norm.h"
#include "ttt/patterns/output_norm_layer.h"
#include "ttt/patterns/parallel_layer.h"
#include "ttt/patterns/post_norm_layer.h"
#include "ttt/patterns/pre_norm_layer.h"
#include "ttt/patterns/sandwich_norm_layer.h"

namespace ttt::test {
namespace {

struct LayerCase {
  std::string name;
  int hidden, num_heads, num_kv_heads, head_dim, inner;
  std::size_t tokens;
  float residual_scale = 1;
};

void PrintTo(const LayerCase& c, std::ostream* out) { *out << c.name; }

constexpr float kEps = 1e-3f;

std::shared_ptr<testing::MemoryWeights> make_weights(const LayerCase& c) {
  auto weights = std::make_shared<testing::MemoryWeights>();
  auto add = [&, seed = std::uint64_t{80}](const std::string& name, int out, int in) mutable {
    weights->set_random(name + ".weight", {out, in}, ++seed, 1.2f / std::sqrt(static_cast<float>(in)));
  };
  add("attn.q_proj", c.num_heads * c.head_dim, c.hidden);
  add("attn.k_proj", c.num_kv_heads * c.head_dim, c.hidden);
  add("attn.v_proj", c.num_kv_heads * c.head_dim, c.hidden);
  add("attn.o_proj", c.hidden, c.num_heads * c.head_dim);
  add("ffn.gate_proj", c.inner, c.hidden);
  add("ffn.up_proj", c.inner, c.hidden);
  add("ffn.down_proj", c.hidden, c.inner);
  for (const std::uint64_t i : {1, 2, 3, 4}) {
    weights->set_random("norm" + std::to_string(i) + ".weight", {c.hidden}, 90 + i, 0.3f, 1.0f);
    weights->set_random("norm" + std::to_string(i) + ".bias", {c.hidden}, 95 + i, 0.3f);
  }
  return weights;
}

/// The sublayers in double precision.
template <class Norm>
class ReferenceParts {
 public:
  ReferenceParts(const LayerCase& c, const WeightSource& weights) : c_(c), weights_(weights) {}
  Rows norm(int i, const Rows& x) const {
    const auto path = "norm" + std::to_string(i);
    if constexpr (std::is_same_v<Norm, RMSNorm>)
      return reference_rms_norm(x, weights_, path, kEps);
    else
      return reference_layer_norm(x, weights_, path, kEps);
  }
  Rows attention(const Rows& x) const {
    return reference_attention(x, weights_, "attn",
                               {.num_heads = c_.num_heads,
                                .num_kv_heads = c_.num_kv_heads,
                                .head_dim = c_.head_dim,
                                .scale = 0.3,
                                .rotary_dim = c_.head_dim,
                                .theta = 1000});
  }
  Rows ffn(const Rows& x) const { return reference_gated_ffn(x, weights_, "ffn", silu); }

 private:
  const LayerCase& c_;
  const WeightSource& weights_;
};

/// The sublayers of the library, and a layer of them as a block with an output.
template <class Norm>
class Parts {
 public:
  Parts(const LayerCase& c, const Weights& w, Device& device) : c_(c), w_(w), device_(device) {}
  Norm norm(int i) const { return Norm({c_.hidden, kEps}, w_ / ("norm" + std::to_string(i)), device_); }
  GroupedQueryAttention attention() const {
    return {{.hidden_size = c_.hidden,
             .num_heads = c_.num_heads,
             .num_kv_heads = c_.num_kv_heads,
             .head_dim = c_.head_dim,
             .scale = 0.3f,
             .mask = Mask::causal(),
             .rope = RotaryEmbedding({.dim = c_.head_dim, .theta = 1000})},
            w_ / "attn",
            device_,
            CacheLayer{0}};
  }
  GatedFFN ffn() const {
    return {
        {.hidden_size = c_.hidden, .intermediate_size = c_.inner, .activation = Activation::silu}, w_ / "ffn", device_};
  }

 private:
  const LayerCase& c_;
  Weights w_;
  Device& device_;
};

template <class Layer>
struct OnACopy {
  Layer layer;
  void forward(ConstMatrix x, Step& step, Matrix out) const {
    std::copy_n(x.data, x.rows * x.cols, out.data);
    layer.forward(out, step);
  }
};

Rows plus(Rows x, const Rows& y, double scale = 1) {
  for (std::size_t t = 0; t < x.size(); ++t)
    for (std::size_t i = 0; i < x[t].size(); ++i) x[t][i] += scale * y[t][i];
  return x;
}

/// `build(parts)` makes the layer, `reference(parts, x)` computes it; both are tried with either norm.
template <class Norm, class Build, class Reference>
void check_with(const LayerCase& c, Build build, Reference reference) {
  const auto weights = make_weights(c);
  const auto hidden = static_cast<std::size_t>(c.hidden);
  const auto x = testing::random_values(c.tokens * hidden, 3);
  const auto want = flatten(reference(ReferenceParts<Norm>(c, *weights), to_rows(x, hidden)));
  for (const auto precision : {Precision::exact, Precision::standard}) {
    const auto run = [&](const std::vector<std::size_t>& chunks) {
      BlockHarness harness(precision, {{c.num_kv_heads, c.head_dim, c.head_dim, std::nullopt}});
      const OnACopy<decltype(build(Parts<Norm>(c, Weights(weights), harness.device())))> block{
          build(Parts<Norm>(c, Weights(weights), harness.device()))};
      EXPECT_EQ(block.layer.cache_layers(),
                (std::vector<CacheLayerSpec>{{c.num_kv_heads, c.head_dim, c.head_dim, std::nullopt}}));
      EXPECT_GE(block.layer.weight_bytes(), sizeof(float) * hidden * static_cast<std::size_t>(c.inner));
      return harness.run(block, x, c.hidden, c.hidden, chunks);
    };
    const auto whole = run({c.tokens});
    const auto agreement = testing::compare(whole, want);
    EXPECT_GE(agreement.pcc, precision == Precision::exact ? 0.9999999 : 0.998);
    if (precision != Precision::exact) continue;
    EXPECT_LE(agreement.max_abs_diff, 2e-4);
    EXPECT_EQ(run(std::vector<std::size_t>(c.tokens, 1)), whole) << "token by token must give the bits of the whole";
  }
}

template <class Build, class Reference>
void check_layer(const LayerCase& c, Build build, Reference reference) {
  check_with<RMSNorm>(c, build, reference);
  check_with<LayerNorm>(c, build, reference);
}

template <template <class...> class Layer, class Norm>
using LayerOf = Layer<Norm, GroupedQueryAttention, GatedFFN>;

class Patterns : public ::testing::TestWithParam<LayerCase> {};

TEST_P(Patterns, PreNormLayer) {
  const double s = GetParam().residual_scale;
  check_layer(
      GetParam(),
      [&]<class N>(const Parts<N>& p) {
        return LayerOf<PreNormLayer, N>{p.norm(1), p.attention(), p.norm(2), p.ffn(), GetParam().residual_scale};
      },
      [&](const auto& p, Rows x) {
        x = plus(x, p.attention(p.norm(1, x)), s);
        return plus(x, p.ffn(p.norm(2, x)), s);
      });
}

TEST_P(Patterns, SandwichNormLayer) {
  check_layer(
      GetParam(),
      []<class N>(const Parts<N>& p) {
        return LayerOf<SandwichNormLayer, N>{p.norm(1), p.attention(), p.norm(2), p.norm(3), p.ffn(), p.norm(4)};
      },
      [](const auto& p, Rows x) {
        x = plus(x, p.norm(2, p.attention(p.norm(1, x))));
        return plus(x, p.norm(4, p.ffn(p.norm(3, x))));
      });
}

TEST_P(Patterns, OutputNormLayer) {
  check_layer(
      GetParam(),
      []<class N>(const Parts<N>& p) {
        return LayerOf<OutputNormLayer, N>{p.attention(), p.norm(1), p.ffn(), p.norm(2)};
      },
      [](const auto& p, Rows x) {
        x = plus(x, p.norm(1, p.attention(x)));
        return plus(x, p.norm(2, p.ffn(x)));
      });
}

TEST_P(Patterns, PostNormLayer) {
  check_layer(
      GetParam(),
      []<class N>(const Parts<N>& p) {
        return LayerOf<PostNormLayer, N>{p.attention(), p.norm(1), p.ffn(), p.norm(2)};
      },
      [](const auto& p, Rows x) {
        x = p.norm(1, plus(x, p.attention(x)));
        return p.norm(2, plus(x, p.ffn(x)));
      });
}

TEST_P(Patterns, ParallelLayerWithOneNorm) {
  check_layer(
      GetParam(),
      []<class N>(const Parts<N>& p) {
        return LayerOf<ParallelLayer, N>{p.norm(1), p.attention(), std::nullopt, p.ffn()};
      },
      [](const auto& p, const Rows& x) { return plus(plus(x, p.attention(p.norm(1, x))), p.ffn(p.norm(1, x))); });
}

TEST_P(Patterns, ParallelLayerWithTwoNorms) {
  check_layer(
      GetParam(),
      []<class N>(const Parts<N>& p) {
        return LayerOf<ParallelLayer, N>{p.norm(1), p.attention(), p.norm(2), p.ffn()};
      },
      [](const auto& p, const Rows& x) { return plus(plus(x, p.attention(p.norm(1, x))), p.ffn(p.norm(2, x))); });
}

INSTANTIATE_TEST_SUITE_P(Sizes, Patterns,
                         ::testing::Values(LayerCase{"small", 32, 4, 2, 8, 48, 7, 0.22f},
                                           LayerCase{"odd", 35, 3, 1, 6, 17, 33},
                                           LayerCase{"one_head_one_token", 5, 1, 1, 2, 3, 1, -1.0f},
                                           LayerCase{"chunky", 64, 8, 8, 16, 160, 70, 2.0f}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ttt::test
