#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ask.h"

namespace ttt::app {

bool has_rope_key(const ConfigReader& config, Names keys) {
  const auto nested = config.object(config.spelling({"rope_parameters", "rope_scaling"}));
  return std::ranges::any_of(keys, [&](auto key) { return config.has(key) || (nested && nested->has(key)); });
}

namespace {

std::string rope_type(const ConfigReader& config) {
  const auto nested = config.object(config.spelling({"rope_parameters", "rope_scaling"}));
  return nested ? nested->string(nested->spelling({"rope_type", "type"}), "default") : "default";
}

void ask_about_rotary(const ConfigReader& config, InferredModel& m) {
  const auto ask = [&](std::string question) { m.questions.push_back("Check: " + std::move(question)); };
  ask("rotary embeddings turn columns i and i + half of a head together here. Neighbours, 2i and 2i+1, in the "
      "original? Then read_rotary's .style is ops::RotaryStyle::interleaved.");
  ask("every layer's queries and keys are rotated here, all in the same way. Are there layers without, or of another "
      "theta?");
  if (!has_rope_key(config, {"partial_rotary_factor", "rotary_pct"}))
    ask("whole heads are rotated here, for the config has no partial_rotary_factor. Has the original a default for it? "
        "Then it is read_rotary's .default_partial_rotary_factor.");
  if (!has_rope_key(config, {"rope_theta", "rotary_emb_base"}))
    ask("theta is 10000 here, for the config has no rope_theta. Has the original another default? Then it is "
        "read_rotary's .default_theta.");
  if (const auto type = rope_type(config); type != "default")
    ask(
        fmt::format("rotary embeddings are scaled by \"{}\" as transformers' common code does it. Has the original its "
                    "own form of it, defaults of its own, or a factor for the attention's .scale?",
                    type));
}

}  // namespace

void ask_what_no_file_shows(const ConfigReader& config, InferredModel& m) {
  // The draft's conventions are these three's, so for them there is nothing to check.
  constexpr std::array<std::string_view, 3> kAsDrafted{"llama", "mistral", "qwen2"};
  if (std::ranges::find(kAsDrafted, m.model_type) != kAsDrafted.end()) return;
  const auto ask = [&](std::string question) { m.questions.push_back("Check: " + std::move(question)); };
  ask("norms multiply by their weight w here. By 1+w in the original? Then map the weights (Weights::mapped).");
  if (m.layer_norm && !m.norm_bias)
    ask("norms are LayerNorm here, for the epsilon's key says so. Does the original subtract the mean?");
  ask("scores are scaled by 1 / sqrt(head_dim) here, and nothing else is. Does the original multiply embeddings "
      "(Embedding::Config::scale), residuals (.residual_scale) or logits (LMHead::Config::scale)?");
  if (m.q_norm) ask("queries and keys are normalised before they are rotated here. In the original too?");
  if (!m.learned_positions) ask_about_rotary(config, m);
  if (config.integer("sliding_window", 0) > 0 && !config.has("layer_types"))
    ask("sliding_window holds for every layer here (from max_window_layers on), for the config has no layer_types. "
        "Which layers have a window in the original?");
  if (m.gated)
    ask("the feed-forward layer's halves are joined as activation(gate) * up here. Are they clamped or offset in the "
        "original? Then it is GatedActivation.");
  if (m.fused_gate_up)
    ask(fmt::format("{} holds the gate's rows, then the up projection's here. The other way, or in turns?",
                    *m.fused_gate_up));
  if (config.has(m.activation) && config.string(m.activation) == "gelu")
    ask(fmt::format("{} \"gelu\" is the exact one here. Does the original take it for the tanh form?", m.activation));
  ask("absent keys are taken as off here. Which has the original's configuration class that the config leaves out, and "
      "do their defaults change the math?");
}

}  // namespace ttt::app
