#include "ttt/ops/activation.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "ttt/core/error.h"

namespace ttt {

float activate(Activation activation, float x) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::silu:
      return x / (1.0f + std::exp(-x));
    case Activation::gelu:
      return 0.5f * x * (1.0f + std::erf(x * (1.0f / std::numbers::sqrt2_v<float>)));
    case Activation::gelu_tanh:
      return 0.5f * x * (1.0f + std::tanh(0.7978845608f * (x + 0.044715f * x * x * x)));
    case Activation::relu:
      return x > 0.0f ? x : 0.0f;
    case Activation::relu_squared:
      return x > 0.0f ? x * x : 0.0f;
  }
  return x;
}

GatedActivation GatedActivation::clamped_swiglu(float alpha, float limit) {
  GatedActivation result(Activation::silu);
  result.alpha = alpha;
  result.limit = limit;
  result.up_offset = 1.0f;
  return result;
}

void GatedActivation::check() const {
  if (!(alpha > 0.0f) || !(limit > 0.0f))
    throw ConfigError("activation", "alpha and limit of a gated activation must be positive");
}

float activate(const GatedActivation& a, float gate, float up) {
  const float g = std::min(gate, a.limit), u = std::clamp(up, -a.limit, a.limit);
  return activate(a.activation, a.alpha * g) / a.alpha * (u + a.up_offset);
}

Activation parse_activation(std::string_view name) {
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "gelu") return Activation::gelu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast") return Activation::gelu_tanh;
  if (name == "relu") return Activation::relu;
  if (name == "relu2") return Activation::relu_squared;
  throw ConfigError("activation", "unknown activation '" + std::string(name) +
                                      "'; known: silu, gelu, gelu_pytorch_tanh, gelu_new, relu, relu2");
}

}  // namespace ttt
