#include "ttt/building_blocks/embeddings/rotary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ttt/core/error.h"

namespace ttt::inline v2 {
namespace {

constexpr int kMostColumns = 1 << 16;  // of a head

template <class... F>
struct Overload : F... {
  using F::operator()...;
};

/// theta^(2i/dim), in f32 as torch computes it.
std::vector<float> wavelengths(int dim, float theta) {
  std::vector<float> result((static_cast<std::size_t>(dim) + 1) / 2);
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = std::pow(theta, static_cast<float>(2 * i) / static_cast<float>(dim));
  return result;
}

std::vector<float> inverse(std::vector<float> values) {
  for (auto& v : values) v = 1.0f / v;
  return values;
}

std::vector<float> stretched(const std::vector<float>& waves, const std::vector<float>& factors) {
  std::vector<float> result(waves.size());
  for (std::size_t i = 0; i < waves.size(); ++i) result[i] = 1.0f / (factors[i] * waves[i]);
  return result;
}

std::vector<float> yarn(int dim, float theta, const rope_scaling::Yarn& s) {
  // The pair whose wave turns `rotations` times within the original context.
  const auto correction = [&](double rotations) {
    return dim * std::log(s.original_max_position_embeddings / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(static_cast<double>(theta)));
  };
  double low = correction(s.beta_fast), high = correction(s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) high += 0.001;
  auto result = wavelengths(dim, theta);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const float ramp =
        std::clamp((static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0f, 1.0f);
    const float keep = 1.0f - ramp;
    result[i] = 1.0f / (s.factor * result[i]) * (1.0f - keep) + 1.0f / result[i] * keep;
  }
  return result;
}

std::vector<float> by_wavelength(std::vector<float> inv_freq, const rope_scaling::ByWavelength& s) {
  const float original = static_cast<float>(s.original_max_position_embeddings);
  for (auto& f : inv_freq) {
    const float wave = 2.0f * std::numbers::pi_v<float> / f;
    if (wave > original / s.low_freq_factor) {
      f /= s.factor;
    } else if (wave >= original / s.high_freq_factor) {
      const float smooth = (original / wave - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      f = (1.0f - smooth) * f / s.factor + smooth * f;
    }
  }
  return inv_freq;
}

[[noreturn]] void reject(std::string_view what) { throw ConfigError("RotaryEmbedding", what); }

void check_positive(std::string_view name, double value) {
  if (!(value > 0) || !std::isfinite(value)) reject(fmt::format("{} must be positive, got {}", name, value));
}

void check(const RotaryEmbedding::Config& c) {
  if (c.dim <= 0 || c.dim > kMostColumns) reject(fmt::format("dim must be from 1 to {}, got {}", kMostColumns, c.dim));
  check_positive("theta", c.theta);
  const auto check_factors = [&](const std::vector<float>& factors, std::string_view name) {
    if (factors.size() != static_cast<std::size_t>(c.pairs()))
      reject(fmt::format("{} must have {} values, got {}", name, c.pairs(), factors.size()));
    for (const float f : factors) check_positive(name, f);
  };
  std::visit(Overload{[](const rope_scaling::Default&) {},
                      [](const rope_scaling::Linear& s) { check_positive("factor", s.factor); },
                      [&](const rope_scaling::Dynamic& s) {
                        check_positive("factor", s.factor);
                        check_positive("max_position_embeddings", s.max_position_embeddings);
                        if (c.dim <= 2) reject("dynamic scaling needs dim > 2");
                      },
                      [](const rope_scaling::Yarn& s) {
                        check_positive("factor", s.factor);
                        check_positive("original_max_position_embeddings", s.original_max_position_embeddings);
                        check_positive("beta_fast", s.beta_fast);
                        check_positive("beta_slow", s.beta_slow);
                      },
                      [&](const rope_scaling::LongRope& s) {
                        check_factors(s.short_factor, "short_factor");
                        check_factors(s.long_factor, "long_factor");
                        check_positive("original_max_position_embeddings", s.original_max_position_embeddings);
                      },
                      [](const rope_scaling::ByWavelength& s) {
                        check_positive("factor", s.factor);
                        check_positive("low_freq_factor", s.low_freq_factor);
                        check_positive("high_freq_factor", s.high_freq_factor);
                        check_positive("original_max_position_embeddings", s.original_max_position_embeddings);
                        if (s.high_freq_factor == s.low_freq_factor) reject("high_freq_factor equals low_freq_factor");
                      }},
             c.scaling);
}

std::vector<float> base_frequencies(const RotaryEmbedding::Config& c) {
  const auto waves = wavelengths(c.dim, c.theta);
  return std::visit(Overload{[&](const rope_scaling::Default&) { return inverse(waves); },
                             [&](const rope_scaling::Linear& s) {
                               auto result = inverse(waves);
                               for (auto& f : result) f /= s.factor;
                               return result;
                             },
                             [&](const rope_scaling::Dynamic&) { return inverse(waves); },
                             [&](const rope_scaling::Yarn& s) { return yarn(c.dim, c.theta, s); },
                             [&](const rope_scaling::LongRope& s) { return stretched(waves, s.short_factor); },
                             [&](const rope_scaling::ByWavelength& s) { return by_wavelength(inverse(waves), s); }},
                    c.scaling);
}

}  // namespace

RotaryEmbedding::RotaryEmbedding(Config config) {
  check(config);
  auto table = std::make_shared<Table>();
  table->base = base_frequencies(config);
  if (const auto* s = std::get_if<rope_scaling::Yarn>(&config.scaling)) table->attention_factor = s->attention_factor;
  if (const auto* s = std::get_if<rope_scaling::LongRope>(&config.scaling)) {
    table->attention_factor = s->attention_factor;
    table->long_base = stretched(wavelengths(config.dim, config.theta), s->long_factor);
  }
  table->config = std::move(config);
  table_ = std::move(table);
}

bool RotaryEmbedding::length_dependent() const {
  return std::holds_alternative<rope_scaling::Dynamic>(config().scaling) ||
         std::holds_alternative<rope_scaling::LongRope>(config().scaling);
}

std::vector<float> RotaryEmbedding::inv_freq(int sequence_length) const {
  const auto& c = config();
  if (const auto* s = std::get_if<rope_scaling::LongRope>(&c.scaling))
    return sequence_length > s->original_max_position_embeddings ? table_->long_base : table_->base;
  const auto* s = std::get_if<rope_scaling::Dynamic>(&c.scaling);
  if (s == nullptr || sequence_length <= s->max_position_embeddings) return table_->base;
  const float stretch =
      s->factor * static_cast<float>(sequence_length) / static_cast<float>(s->max_position_embeddings) -
      (s->factor - 1.0f);
  const float exponent = static_cast<float>(static_cast<double>(c.dim) / (c.dim - 2));
  return inverse(wavelengths(c.dim, c.theta * std::pow(stretch, exponent)));
}

void RotaryEmbedding::fill(std::span<const std::int32_t> positions, std::span<const std::int32_t> lengths,
                           std::span<float> cos, std::span<float> sin) const {
  const auto half = static_cast<std::size_t>(config().pairs());
  std::vector<float> own;
  std::int32_t own_length = -1;
  for (std::size_t t = 0; t < positions.size(); ++t) {
    const std::vector<float>* frequencies = &table_->base;
    if (length_dependent()) {
      if (lengths[t] != own_length) own = inv_freq(own_length = lengths[t]);
      frequencies = &own;
    }
    for (std::size_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(positions[t]) * (*frequencies)[i];
      cos[t * half + i] = std::cos(angle) * table_->attention_factor;
      sin[t * half + i] = std::sin(angle) * table_->attention_factor;
    }
  }
}

}  // namespace ttt::inline v2
