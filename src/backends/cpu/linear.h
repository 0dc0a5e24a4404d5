#pragma once
#include <span>

#include "cpu_device.h"
#include "ttt/ops/linear.h"

namespace ttt::cpu {

/// The kernels of ops::Linear, ops::GatedLinear and ops::Embed.
void linear(Device& device, const ops::Linear::Args& args);
void gated_linear(Device& device, const ops::GatedLinear::Args& args);
void embed(Device& device, const ops::Embed::Args& args);

/// One of several matrices that a call multiplies, by rows [first, first + rows) of x. The parts of a call are of the
/// same kinds of panels, and their rows follow each other.
struct LinearPart {
  const ops::PackedMatrix* weight;
  const float* bias;  ///< null: none
  std::int64_t first, rows;
};
/// The same of a gated layer.
struct GatedPart {
  const ops::PackedMatrix *gate, *up;
  const float *gate_bias, *up_bias;
  std::int64_t first, rows;
};

/// As ops::Linear and ops::GatedLinear, all parts at once: threads meet once a call, not once a matrix.
void linear_parts(CpuDevice& device, std::span<const LinearPart> parts, ConstMatrix x, Matrix y,
                  Activation activation = Activation::none, float scale = 1.0f, ops::Write write = ops::Write::store);
void gated_parts(CpuDevice& device, std::span<const GatedPart> parts, ConstMatrix x, Matrix y,
                 const GatedActivation& activation);

}  // namespace ttt::cpu
