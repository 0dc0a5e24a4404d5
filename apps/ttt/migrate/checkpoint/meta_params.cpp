#include "meta_params.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "migrate/read_json.h"
#include "ttt/formats/config_reader.h"

namespace ttt::app {
namespace {

std::optional<int> optional_dimension(const ConfigReader& c, std::string_view key) {
  return c.has(key) ? std::optional(c.dimension(key)) : std::nullopt;
}

/// Two thirds of 4 * dim, times the multiplier, rounded up to whole multiples: the rule of Meta's FeedForward.
std::optional<int> hidden_dim(const ConfigReader& c, int dim) {
  if (c.has("hidden_dim")) return c.dimension("hidden_dim");
  if (!c.has("multiple_of")) return std::nullopt;
  const auto multiple = std::int64_t{c.dimension("multiple_of")};
  const double multiplier = c.number("ffn_dim_multiplier", 1.0);
  if (!(multiplier > 0 && multiplier < 1024))
    c.fail("ffn_dim_multiplier", fmt::format("expected a number from 0 to 1024, got {}", multiplier));
  const auto hidden = static_cast<std::int64_t>(multiplier * static_cast<double>(8 * std::int64_t{dim} / 3));
  const auto rounded = (hidden + multiple - 1) / multiple * multiple;
  constexpr std::int64_t kLargest = 1 << 24;
  if (rounded < 1 || rounded > kLargest) c.fail("multiple_of", fmt::format("gives a hidden size of {}", rounded));
  return static_cast<int>(rounded);
}

std::optional<MetaParams::RopeScaling> rope_scaling(const ConfigReader& c) {
  const MetaParams::RopeScaling scaling{.factor = c.number("rope_scaling_factor", 8.0),
                                        .high_freq_factor = c.number("rope_high_freq_factor", 4.0)};
  if (!c.boolean("use_scaled_rope", false)) return std::nullopt;
  if (!(scaling.factor >= 1)) c.fail("rope_scaling_factor", fmt::format("expected at least 1, got {}", scaling.factor));
  if (!(scaling.high_freq_factor > 1))
    c.fail("rope_high_freq_factor", fmt::format("expected more than 1, got {}", scaling.high_freq_factor));
  return scaling;
}

}  // namespace

MetaParams MetaParams::read(const std::filesystem::path& file) {
  const auto c = read_config(file);
  MetaParams p{};
  p.dim = c.dimension("dim");
  p.n_layers = c.dimension("n_layers");
  p.n_heads = c.dimension("n_heads");
  p.n_kv_heads = c.dimension("n_kv_heads", p.n_heads);
  p.head_dim = c.dimension("head_dim", std::max(p.dim / p.n_heads, 1));
  if (p.n_heads % p.n_kv_heads != 0)
    c.fail("n_kv_heads", fmt::format("{} does not divide n_heads {}", p.n_kv_heads, p.n_heads));
  if (!c.has("head_dim") && p.dim % p.n_heads != 0)
    c.fail("n_heads", fmt::format("{} does not divide dim {}", p.n_heads, p.dim));
  if (p.head_dim % 2 != 0) c.fail("head_dim", fmt::format("expected an even number, got {}", p.head_dim));
  if (c.integer("vocab_size", -1) != -1) p.vocab_size = c.dimension("vocab_size");
  p.hidden_dim = app::hidden_dim(c, p.dim);
  p.norm_eps = c.number("norm_eps");
  if (!(p.norm_eps > 0 && p.norm_eps < 1)) c.fail("norm_eps", fmt::format("expected 0 to 1, got {}", p.norm_eps));
  p.rope_theta = c.number("rope_theta", 10000.0);
  if (c.is_null("rope_theta") || !(p.rope_theta >= 1 && p.rope_theta < 1e12))
    c.fail("rope_theta", "expected a number from 1 to 1e12");
  p.rope_scaling = app::rope_scaling(c);
  p.max_seq_len = optional_dimension(c, "max_seq_len");
  c.ignore(std::array<std::string_view, 3>{"max_batch_size", "ffn_dim_multiplier", "multiple_of"});
  if (const auto unread = c.unread(); !unread.empty())
    c.fail(unread.front(), "is a key that is not known, and may change the math; expected those of Llama 1 to 3");
  return p;
}

}  // namespace ttt::app
