#include "ttt/ops/activation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "ttt/core/error.h"

namespace ttt::inline v2 {

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
    case Activation::quick_gelu:
      return x / (1.0f + std::exp(-1.702f * x));
    case Activation::relu:
      return std::max(x, 0.0f);
    case Activation::relu_squared:
      return x > 0.0f ? x * x : 0.0f;
    case Activation::relu6:
      return std::clamp(x, 0.0f, 6.0f);
    case Activation::leaky_relu:
      return x > 0.0f ? x : 0.01f * x;
    case Activation::hard_swish:
      return x * std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f;
    case Activation::mish:
      // softplus(x), without an overflow where x is large.
      return x * std::tanh(std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))));
    case Activation::sigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
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

Activation parse_activation(std::string_view name, std::string_view where) {
  struct Name {
    std::string_view name;
    Activation activation;
  };
  static constexpr std::array kNames{Name{"silu", Activation::silu},
                                     Name{"swish", Activation::silu},
                                     Name{"gelu", Activation::gelu},
                                     Name{"gelu_python", Activation::gelu},
                                     Name{"gelu_new", Activation::gelu_tanh},
                                     Name{"gelu_fast", Activation::gelu_tanh},
                                     Name{"gelu_accurate", Activation::gelu_tanh},
                                     Name{"gelu_pytorch_tanh", Activation::gelu_tanh},
                                     Name{"gelu_python_tanh", Activation::gelu_tanh},
                                     Name{"quick_gelu", Activation::quick_gelu},
                                     Name{"relu", Activation::relu},
                                     Name{"relu2", Activation::relu_squared},
                                     Name{"relu6", Activation::relu6},
                                     Name{"leaky_relu", Activation::leaky_relu},
                                     Name{"hardswish", Activation::hard_swish},
                                     Name{"mish", Activation::mish},
                                     Name{"sigmoid", Activation::sigmoid},
                                     Name{"tanh", Activation::tanh},
                                     Name{"linear", Activation::none}};
  std::string known;
  for (const auto& entry : kNames) {
    if (entry.name == name) return entry.activation;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw ConfigError(where, "unknown activation '" + std::string(name) + "'; known: " + known);
}

}  // namespace ttt::inline v2
