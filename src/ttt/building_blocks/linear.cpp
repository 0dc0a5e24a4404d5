#include "ttt/building_blocks/linear.h"

#include "ttt/core/error.h"
#include "ttt/formats/dequantize.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {
namespace {

/// The parts' biases one after the other, zeros where a part has none; no data when planning.
Tensor concatenate_biases(std::span<const Linear::Part> parts, std::int64_t out_features) {
  std::vector<float> values;
  bool planning = false;
  for (const auto& [config, weights] : parts) {
    if (!config.bias) {
      values.resize(values.size() + static_cast<std::size_t>(config.out_features), 0.0f);
      continue;
    }
    const Tensor bias = weights.take("bias", {config.out_features});
    if (!bias.has_data()) {
      planning = true;
      continue;
    }
    const Tensor f32 = to_f32(bias);
    const auto span = f32.values<float>();
    values.insert(values.end(), span.begin(), span.end());
  }
  if (planning) return Tensor::without_data(DType::f32, {out_features});
  return Tensor::from<float>(values, {out_features});
}

}  // namespace

Linear::Linear(const Config& config, const Weights& weights, Device& device)
    : Linear(fused(std::vector<Part>{{config, weights}}, device)) {}

Linear Linear::fused(std::span<const Part> parts, Device& device) {
  std::vector<Tensor> tensors;
  std::int64_t out_features = 0;
  bool any_bias = false;
  for (const auto& [config, weights] : parts) {
    if (config.in_features <= 0 || config.out_features <= 0)
      throw ConfigError("Linear " + weights.path(), "in_features and out_features must be positive");
    tensors.push_back(weights.take_matrix("weight", {config.out_features, config.in_features}));
    out_features += config.out_features;
    any_bias = any_bias || config.bias;
  }
  Linear linear;
  linear.weight_ = ops::run<ops::PackMatrix>(device, {tensors});
  if (any_bias) linear.bias_ = device.upload(concatenate_biases(parts, out_features));
  return linear;
}

void Linear::forward(ConstMatrix x, Step& step, Matrix y, Epilogue epilogue) const {
  ops::run<ops::Linear>(step.device(), {.weight = *weight_,
                                        .bias = bias_.get(),
                                        .x = x,
                                        .y = y,
                                        .activation = epilogue.activation,
                                        .scale = epilogue.scale,
                                        .write = epilogue.write});
}

}  // namespace ttt::inline v2
