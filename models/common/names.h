#pragma once
#include <string>
#include <utility>
#include <vector>

#include "ttt/formats/weights.h"

namespace ttt::models {

/// Names as the blocks ask for them, seen in a checkpoint that spells parts of them otherwise: in each name the first
/// occurrence of every `ours` becomes `theirs`.
struct Spelling {
  std::string ours, theirs;
};
Weights with_names(const Weights& weights, std::vector<Spelling> spellings);

/// One tensor that holds several below each other: "x.q_proj.weight" is seen as its rows of "x.FUSED.weight", and
/// biases alike.
struct Part {
  std::string name;
  int rows;
};
Weights with_split(const Weights& weights, std::string fused, std::vector<Part> parts);

/// q_proj, k_proj and v_proj in one tensor.
struct FusedHeads {
  int num_heads, num_kv_heads, head_dim;
};
enum class FusedOrder {
  by_part,   ///< all queries, then all keys, then all values
  by_group,  ///< for each kv head its queries, its key, its value
};
Weights with_split_qkv(const Weights& weights, const std::string& fused, const FusedHeads& heads, FusedOrder order);

/// Norm weights stored as w and meant as 1 + w.
Weights with_offset_norms(const Weights& weights);

/// "x.experts.N.gate_proj.weight" is element N of "x.STACKED" where `stacked` maps "gate_proj.weight" to its name.
Weights with_unstacked_experts(const Weights& weights, std::vector<Spelling> stacked);

}  // namespace ttt::models
