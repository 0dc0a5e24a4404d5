#include "mxfp4.h"

namespace ttt::models {
namespace {

constexpr std::size_t kCodes = 32;

/// Two codes a byte, neighbours together, become first and second half together, after the block's exponent.
void join(std::span<const Tensor> parts, std::span<std::byte> out) {
  const auto blocks = parts[0].bytes(), scales = parts[1].bytes();
  const auto code = [&](std::size_t block, std::size_t i) {
    const std::byte two = blocks[block * kCodes / 2 + i / 2];
    return i % 2 == 0 ? two & std::byte{15} : two >> 4;
  };
  for (std::size_t block = 0; block < scales.size(); ++block) {
    std::byte* to = out.data() + block * (1 + kCodes / 2);
    *to++ = scales[block];
    for (std::size_t i = 0; i < kCodes / 2; ++i) *to++ = code(block, i) | code(block, i + kCodes / 2) << 4;
  }
}

}  // namespace

Weights with_joined_mxfp4(const Weights& weights, const Mxfp4Sizes& sizes) {
  return weights.computed([=](std::string_view name) -> std::optional<Weights::Recipe> {
    const bool gate_up = name.ends_with(".experts.gate_up_proj");
    if (!gate_up && !name.ends_with(".experts.down_proj")) return std::nullopt;
    const int out = gate_up ? 2 * sizes.intermediate_size : sizes.hidden_size;
    const int in = gate_up ? sizes.hidden_size : sizes.intermediate_size;
    const std::string base(name);
    return Weights::Recipe{{base + "_blocks", base + "_scales"}, DType::mxfp4, {sizes.num_experts, out, in}, join};
  });
}

}  // namespace ttt::models
