#include "ttt/building_blocks/ffn/mlp.h"

namespace ttt::inline v2 {

MLP::MLP(const Config& c, const Weights& weights, Device& device)
    : activation_(c.activation),
      up_({c.hidden_size, c.intermediate_size, c.bias}, weights / "up_proj", device),
      down_({c.intermediate_size, c.hidden_size, c.bias}, weights / "down_proj", device) {}

void MLP::forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output) const {
  Workspace::Frame frame(step.workspace());
  const Matrix h = frame.matrix(x.rows, up_.out_features());
  up_.forward(x, step, h, {.activation = activation_});
  down_.forward(h, step, out, {.scale = output.scale, .write = output.write});
}

}  // namespace ttt::inline v2
