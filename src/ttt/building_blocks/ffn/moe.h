#pragma once
#include <optional>
#include <vector>

#include "ttt/building_blocks/ffn/gated_ffn.h"
#include "ttt/building_blocks/ffn/router.h"

namespace ttt::inline v2 {

/// Mixture of experts: the weighted sum of the gated feed-forward layers that the router chose for a token, plus a
/// shared expert that serves every token (Dai et al., 2024) when configured, itself scaled by sigmoid(gate(x)) when
/// gated. Input: x [tokens, hidden_size]. Output: out [tokens, hidden_size], stored or added. Weights: `gate` (the
/// Router's), `experts.N` (gate_proj, up_proj, down_proj, as GatedFFN), `shared_expert` (a GatedFFN),
/// `shared_expert_gate.weight` [1, hidden_size].
/// Behaviour: a token's experts are added in ascending order, so the sum does not depend on the other tokens.
/// Errors: those of Router and GatedFFN.
class MixtureOfExperts {
 public:
  /// A feed-forward layer that serves every token, beside those that the router chooses.
  struct SharedExpert {
    int intermediate_size;  ///< columns between its projections
    bool gated = false;     ///< scaled by sigmoid(shared_expert_gate(x))
    bool bias = false;      ///< its projections have one
  };
  struct Config {
    Router::Config router;                              ///< also says hidden_size and how many experts there are
    int intermediate_size;                              ///< of each expert
    GatedActivation activation = Activation::silu;      ///< of each expert
    bool bias = false;                                  ///< of each expert
    std::optional<SharedExpert> shared = std::nullopt;  ///< nothing: there is none
  };
  MixtureOfExperts(const Config& config, const Weights& weights, Device& device);

  void forward(ConstMatrix x, Step& step, Matrix out, BlockOutput output = {}) const;
  std::uint64_t weight_bytes() const;
  std::int64_t workspace_cols() const;

 private:
  void add_shared(ConstMatrix x, Step& step, Matrix out, float scale) const;

  GatedActivation activation_;
  Router router_;
  std::vector<GatedFFN> experts_;
  std::vector<ops::Expert> table_;  ///< the experts as the op takes them
  std::optional<GatedFFN> shared_;
  std::optional<Linear> shared_gate_;
};

}  // namespace ttt::inline v2
