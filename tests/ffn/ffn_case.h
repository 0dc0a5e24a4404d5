#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "../support/block_harness.h"
#include "ttt/ops/activation.h"

namespace ttt::test {

/// One row of a table of real configs, run with random weights.
struct FfnCase {
  std::string name;
  int hidden_size, intermediate_size;
  Activation activation;
  bool bias = false;
  std::size_t tokens = 3;
};

inline void PrintTo(const FfnCase& c, std::ostream* out) { *out << c.name; }

inline double activate_reference(Activation activation, double x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::silu:
      return silu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_tanh:
      return gelu_tanh(x);
    case Activation::relu:
      return x > 0 ? x : 0;
    case Activation::relu_squared:
      return x > 0 ? x * x : 0;
    case Activation::quick_gelu:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::relu6:
      return std::min(std::max(x, 0.0), 6.0);
    case Activation::leaky_relu:
      return std::max(x, 0.01 * x);
    case Activation::hard_swish:
      return x * std::min(std::max(x + 3, 0.0), 6.0) / 6;
    case Activation::mish:
      return x * std::tanh(std::log1p(std::exp(x)));
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
  }
  return x;
}

inline void add_linear(testing::MemoryWeights& weights, const std::string& name, int out, int in, bool bias) {
  set_spread(weights, name + ".weight", {out, in}, name.size() + 11, 1.6f / std::sqrt(static_cast<float>(in)));
  if (bias) set_spread(weights, name + ".bias", {out}, name.size() + 12, 0.3f);
}

/// Runs a feed-forward block in both precisions against `reference(x, weights, path, activation)`.
template <class Block, class Reference>
void check_ffn(const FfnCase& c, const std::shared_ptr<testing::MemoryWeights>& weights, Reference reference) {
  const auto hidden = static_cast<std::size_t>(c.hidden_size);
  const auto x = testing::random_values(c.tokens * hidden, 3);
  const auto want = flatten(
      reference(to_rows(x, hidden), *weights, "ffn", [&](double v) { return activate_reference(c.activation, v); }));
  for (const auto precision : {Precision::exact, Precision::standard}) {
    BlockHarness harness(precision);
    const Block block({.hidden_size = c.hidden_size,
                       .intermediate_size = c.intermediate_size,
                       .activation = c.activation,
                       .bias = c.bias},
                      Weights(weights) / "ffn", harness.device());
    const auto agreement = testing::compare(harness.run(block, x, c.hidden_size, c.hidden_size, {c.tokens}), want);
    EXPECT_GE(agreement.pcc, precision == Precision::exact ? 0.9999999 : 0.999);
    if (precision == Precision::exact) {
      EXPECT_LE(agreement.max_abs_diff, 2e-4);
    }
  }
}

}  // namespace ttt::test
