#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "ttt/core/matrix.h"
#include "ttt/ops/activation.h"
#include "ttt/ops/linear.h"
#include "ttt/ops/packed_matrix.h"

namespace ttt::inline v2 {

/// Routing restricted to the best groups of experts (DeepSeek-V2, arXiv 2405.04434; DeepSeek-V3, arXiv 2412.19437).
struct ExpertGroups {
  /// What a group is worth: its best expert's score, or the sum of its best two.
  enum class Score { best, sum_of_best_two };  ///< a group's score, from its experts'
  int num_groups;                              ///< of equal size, of consecutive experts
  int groups_per_token;                        ///< groups that a token's experts may come from
  Score score;                                 ///< of a group
};

/// How router logits become experts and weights.
///   scores = softmax(logits) or sigmoid(logits), over all experts
///   chosen = the `experts_per_token` best of scores + correction, within the best groups when configured
///   weight = scale * score, divided first by the sum over the chosen when `normalize_selected`
struct RoutingRule {
  /// How a logit becomes a score.
  enum class Scores { softmax, sigmoid };
  int experts_per_token;                              ///< chosen for each token
  Scores scores = Scores::softmax;                    ///< of logits
  bool normalize_selected = false;                    ///< the chosen weights sum to `scale`
  float scale = 1.0f;                                 ///< multiplies weights
  std::optional<ExpertGroups> groups = std::nullopt;  ///< nothing: all experts compete
};

namespace ops {

/// Chooses experts for every token by `rule`; ties go to the lower index. All in f32.
struct Route {
  static constexpr std::string_view name = "route";
  struct Args {
    ConstMatrix logits;                 ///< [tokens, num_experts]
    const RoutingRule& rule;            ///< how many are chosen, and their weights
    const float* correction = nullptr;  ///< [num_experts], counts for the choice and not for the weights; or null
    std::span<std::int32_t> experts;    ///< out: [tokens * experts_per_token], ascending for each token
    std::span<float> weights;           ///< out: parallel to `experts`
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
};

/// One expert: a gated feed-forward layer. Biases may be null.
struct Expert {
  const PackedMatrix* gate;          ///< [intermediate, hidden]
  const PackedMatrix* up;            ///< [intermediate, hidden]
  const PackedMatrix* down;          ///< [hidden, intermediate]
  const float* gate_bias = nullptr;  ///< [intermediate] or null
  const float* up_bias = nullptr;    ///< [intermediate] or null
  const float* down_bias = nullptr;  ///< [hidden] or null
};

/// y[t] (=|+=) sum over the token's experts e, in ascending order, of scale * weight(t, e) *
/// down_e(activate(gate_e(x[t]), up_e(x[t]))).
struct Experts {
  static constexpr std::string_view name = "experts";
  struct Args {
    std::span<const Expert> all;                    ///< by number
    std::span<const std::int32_t> chosen;           ///< [tokens * k], as `Route` gives them
    std::span<const float> weights;                 ///< [tokens * k]
    ConstMatrix x;                                  ///< [tokens, hidden]
    Matrix y;                                       ///< [tokens, hidden]; must not overlap x
    GatedActivation activation = Activation::silu;  ///< how gate and up are joined
    float scale = 1.0f;                             ///< multiplies the sum
    Write write = Write::store;                     ///< into y, or onto it
  };
  using Kernel = void(Device&, const Args&);
  static void reference(Device&, const Args&);
  static void check(const Args&);
  static Work work(const Args&);  ///< each chosen expert is read once
};

}  // namespace ops
}  // namespace ttt::inline v2
