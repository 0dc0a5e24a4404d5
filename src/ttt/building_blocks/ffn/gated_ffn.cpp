#include "ttt/building_blocks/ffn/gated_ffn.h"

#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {

GatedFFN::GatedFFN(const Config& c, const Weights& weights, Device& device)
    : activation_(c.activation),
      gate_({c.hidden_size, c.intermediate_size, c.bias}, weights / "gate_proj", device),
      up_({c.hidden_size, c.intermediate_size, c.bias}, weights / "up_proj", device),
      down_({c.intermediate_size, c.hidden_size, c.bias}, weights / "down_proj", device) {
  c.activation.check();
}

void GatedFFN::forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output) const {
  Workspace::Frame frame(step.workspace());
  const Matrix h = frame.matrix(x.rows, gate_.out_features());
  ops::run<ops::GatedLinear>(step.device(), {.gate = gate_.weight(),
                                             .up = up_.weight(),
                                             .gate_bias = gate_.bias(),
                                             .up_bias = up_.bias(),
                                             .x = x,
                                             .y = h,
                                             .activation = activation_});
  down_.forward(h, step, out, {.scale = output.scale, .write = output.write});
}

ops::Expert GatedFFN::as_expert() const {
  return {.gate = &gate_.weight(),
          .up = &up_.weight(),
          .down = &down_.weight(),
          .gate_bias = gate_.bias(),
          .up_bias = up_.bias(),
          .down_bias = down_.bias()};
}

}  // namespace ttt::inline v2
