#pragma once
#include <limits>
#include <string_view>

namespace ttt::inline v2 {

/// Element-wise non-linearities, named as Hugging Face's ACT2FN: `gelu` is x * Phi(x) with erf, `gelu_tanh` its tanh
/// approximation (gelu_new, gelu_pytorch_tanh), `quick_gelu` x * sigmoid(1.702 x), `silu` x * sigmoid(x), `mish`
/// x * tanh(softplus(x)), `hard_swish` x * clamp(x + 3, 0, 6) / 6, `leaky_relu` with a slope of 0.01 below 0.
enum class Activation {
  none,
  silu,
  gelu,
  gelu_tanh,
  quick_gelu,
  relu,
  relu_squared,
  relu6,
  leaky_relu,
  hard_swish,
  mish,
  sigmoid,
  tanh
};

/// f(x) in f32: the reference that kernels are tested against.
float activate(Activation activation, float x);

/// How a gated layer joins its two halves: with g' = min(gate, limit) and u' = clamp(up, -limit, limit),
/// activation(alpha g') / alpha * (u' + up_offset).
struct GatedActivation {
  Activation activation = Activation::silu;              ///< of the gate
  float alpha = 1.0f;                                    ///< sharpens it
  float limit = std::numeric_limits<float>::infinity();  ///< clamps both halves
  float up_offset = 0.0f;                                ///< added to up

  /// activation(gate) * up, what most gated layers do.
  GatedActivation(Activation activation) : activation(activation) {}  // NOLINT: an Activation is one
  /// min(gate, limit) * sigmoid(alpha * gate) * (up + 1), both halves clamped (HF GptOssExperts).
  static GatedActivation clamped_swiglu(float alpha, float limit);
  /// Throws ConfigError unless alpha and limit are positive.
  void check() const;
  /// Whether it is activation(gate) * up and nothing more.
  bool is_plain() const {
    return alpha == 1.0f && up_offset == 0.0f && limit == std::numeric_limits<float>::infinity();
  }
};

/// The join of one gate and one up value, in f32: the reference that kernels are tested against.
float activate(const GatedActivation& activation, float gate, float up);

/// The activation of that name in Hugging Face configs; throws ConfigError at `where`, listing the names.
Activation parse_activation(std::string_view name, std::string_view where = "activation");

}  // namespace ttt::inline v2
