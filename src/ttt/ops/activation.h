#pragma once
#include <string_view>

namespace ttt {

/// Element-wise non-linearities, named as Hugging Face's ACT2FN: `gelu` is x * Phi(x) with erf, `gelu_tanh` its tanh
/// approximation (gelu_new, gelu_pytorch_tanh), `silu` x * sigmoid(x).
enum class Activation { none, silu, gelu, gelu_tanh, relu };

/// f(x) in f32: the reference that kernels are tested against.
float activate(Activation activation, float x);

/// The activation of that name in Hugging Face configs; throws ConfigError listing the names.
Activation parse_activation(std::string_view name);

}  // namespace ttt
