#include "ttt/building_blocks/lm_head.h"

#include <array>

#include "ttt/core/error.h"
#include "ttt/ops/elementwise.h"
#include "ttt/ops/kernel_table.h"

namespace ttt::inline v2 {
namespace {

std::shared_ptr<const float> take_bias(const LMHead::Config& config, const Weights& weights, Device& device) {
  if (!config.bias) return nullptr;
  return device.upload(weights.take("bias", {config.vocab_size}));
}

}  // namespace

LMHead::LMHead(const Config& config, const Weights& weights, Device& device)
    : config_(config), tied_(false), bias_(take_bias(config, weights, device)) {
  const std::array<Tensor, 1> parts{weights.take_matrix("weight", {config.vocab_size, config.hidden_size})};
  weight_ = ops::run<ops::PackMatrix>(device, {parts});
}

LMHead::LMHead(const Config& config, const Embedding& embedding, const Weights& weights, Device& device)
    : config_(config), tied_(true), weight_(embedding.weight()), bias_(take_bias(config, weights, device)) {
  if (embedding.vocab_size() != config.vocab_size || embedding.hidden_size() != config.hidden_size)
    throw ConfigError("LMHead", "a tied head must have the embedding's sizes");
}

void LMHead::forward(ConstMatrix x, Step& step, Matrix logits) const {
  ops::run<ops::Linear>(step.device(),
                        {.weight = *weight_, .bias = bias_.get(), .x = x, .y = logits, .scale = config_.scale});
  if (config_.softcap > 0.0f) ops::run<ops::Softcap>(step.device(), {.y = logits, .cap = config_.softcap});
}

}  // namespace ttt::inline v2
