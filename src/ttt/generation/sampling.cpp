#include "ttt/generation/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ttt/core/error.h"

namespace ttt::inline v2 {
namespace {

void expect(bool valid, std::string_view field, std::string_view range, double value) {
  if (!valid) throw RequestError(field, fmt::format("expected {}, got {}", range, value));
}

}  // namespace

void SamplingConfig::check() const {
  expect(std::isfinite(temperature) && temperature >= 0, "temperature", "a number >= 0", temperature);
  expect(top_k >= 0, "top_k", "an integer >= 0", static_cast<double>(top_k));
  expect(top_p > 0 && top_p <= 1, "top_p", "a number in (0, 1]", top_p);
  expect(min_p >= 0 && min_p <= 1, "min_p", "a number in [0, 1]", min_p);
  expect(std::isfinite(repetition_penalty) && repetition_penalty > 0, "repetition_penalty", "a number > 0",
         repetition_penalty);
  expect(std::isfinite(presence_penalty), "presence_penalty", "a number", presence_penalty);
  expect(std::isfinite(frequency_penalty), "frequency_penalty", "a number", frequency_penalty);
}

std::int32_t argmax(std::span<const float> logits) {
  std::size_t best = logits.size();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i])) continue;
    if (best == logits.size() || logits[i] > logits[best]) best = i;
  }
  if (best == logits.size()) throw RequestError("sampling", "the model's logits are not numbers");
  return static_cast<std::int32_t>(best);
}

Sampler::Sampler(const SamplingConfig& config, std::span<const std::int32_t> prompt)
    : config_(config), random_(config.seed) {
  config_.check();
  for (const auto id : prompt) counts_.try_emplace(id, 0);
}

void Sampler::penalise(std::span<float> logits) const {
  const auto repetition = static_cast<float>(config_.repetition_penalty);
  for (const auto& [id, count] : counts_) {
    if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) continue;
    auto& value = logits[static_cast<std::size_t>(id)];
    value = value < 0 ? value * repetition : value / repetition;
    if (count == 0) continue;
    value -= static_cast<float>(config_.frequency_penalty * static_cast<double>(count) + config_.presence_penalty);
  }
}

// Scores are distances to the largest logit, so that neither a tiny temperature nor an infinite logit overflows: the
// largest has 0, the others less, down to -inf.
void Sampler::set_candidates(std::span<const float> logits, float largest) {
  candidates_.clear();
  const double top = largest;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    if (logits[i] == largest)
      candidates_.push_back({0.0, id});
    else if (logits[i] > -INFINITY)
      candidates_.push_back({(logits[i] - top) / config_.temperature, id});
  }
}

void Sampler::keep_top_k() {
  const auto k = static_cast<std::size_t>(config_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  auto scores = candidates_;
  std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(k - 1), scores.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  const auto bound = scores[k - 1].score;  // equals of the k-th stay, as in transformers
  std::erase_if(candidates_, [bound](const Candidate& c) { return c.score < bound; });
}

// Sorts by score, lowest id first among equals, turns scores into probabilities relative to the likeliest, and cuts the
// improbable tail.
void Sampler::keep_probable() {
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  double total = 0;
  for (auto& c : candidates_) total += c.score = std::exp(c.score);
  std::size_t kept = candidates_.size();
  if (config_.top_p < 1) {
    double mass = 0;
    for (kept = 0; kept < candidates_.size() && mass < config_.top_p * total; ++kept) mass += candidates_[kept].score;
  }
  // What has no probability must not be drawn by a rounding error either.
  const auto floor = std::max(config_.min_p, std::numeric_limits<double>::denorm_min());
  while (kept > 1 && candidates_[kept - 1].score < floor) --kept;
  candidates_.resize(std::max<std::size_t>(kept, 1));
}

std::int32_t Sampler::draw() {
  double total = 0;
  for (const auto& c : candidates_) total += c.score;
  auto point = random_.uniform() * total;
  for (const auto& c : candidates_) {
    point -= c.score;
    if (point < 0) return c.id;
  }
  return candidates_.back().id;
}

std::int32_t Sampler::next(std::span<const float> logits) {
  if (config_.repetition_penalty != 1 || config_.presence_penalty != 0 || config_.frequency_penalty != 0) {
    logits_.assign(logits.begin(), logits.end());
    penalise(logits_);
    logits = logits_;
  }
  auto id = argmax(logits);
  if (config_.temperature > 0) {
    set_candidates(logits, logits[static_cast<std::size_t>(id)]);
    keep_top_k();
    keep_probable();
    id = draw();
  }
  ++counts_[id];
  return id;
}

}  // namespace ttt::inline v2
