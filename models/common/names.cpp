#include "common/names.h"

#include <charconv>

namespace ttt::models {

Weights with_names(const Weights& weights, std::vector<Spelling> spellings) {
  return weights.renamed([spellings = std::move(spellings)](std::string_view name) -> std::optional<std::string> {
    std::string result(name);
    for (const auto& [ours, theirs] : spellings)
      if (const auto at = result.find(ours); at != result.npos) result.replace(at, ours.size(), theirs);
    return result;
  });
}

Weights with_split(const Weights& weights, std::string fused, std::vector<Part> parts) {
  return weights.sliced(
      [fused = std::move(fused), parts = std::move(parts)](std::string_view name) -> std::optional<Weights::Slice> {
        std::int64_t first = 0;
        for (const auto& [part, rows] : parts) {
          const auto dotted = "." + part + ".";
          if (const auto at = name.find(dotted); at != name.npos)
            return Weights::Slice{std::string(name).replace(at + 1, part.size(), fused), first, rows};
          first += rows;
        }
        return std::nullopt;
      });
}

Weights with_split_qkv(const Weights& weights, const std::string& fused, const FusedHeads& heads, FusedOrder order) {
  const auto& [num_heads, num_kv_heads, head_dim] = heads;
  const int q = num_heads * head_dim, kv = num_kv_heads * head_dim;
  const auto ordered = [&] {
    if (order == FusedOrder::by_part) return weights;
    const auto is_fused = [part = "." + fused + "."](std::string_view name) { return name.find(part) != name.npos; };
    const auto row_in_groups = [=, group = num_heads / num_kv_heads](std::int64_t row, std::int64_t) {
      const std::int64_t d = row % head_dim;
      std::int64_t at;
      if (row < q)
        at = row / head_dim / group * (group + 2) + row / head_dim % group;
      else if (row < q + kv)
        at = (row - q) / head_dim * (group + 2) + group;
      else
        at = (row - q - kv) / head_dim * (group + 2) + group + 1;
      return at * head_dim + d;
    };
    return weights.rows_permuted(is_fused, row_in_groups);
  }();
  return with_split(ordered, fused, {{"q_proj", q}, {"k_proj", kv}, {"v_proj", kv}});
}

Weights with_offset_norms(const Weights& weights) {
  const auto is_norm = [](std::string_view name) { return name.ends_with("norm.weight"); };
  return weights.mapped(is_norm, [](float w) { return 1.0f + w; });
}

Weights with_unstacked_experts(const Weights& weights, std::vector<Spelling> stacked) {
  return weights.indexed([stacked = std::move(stacked)](std::string_view name) -> std::optional<Weights::Element> {
    constexpr std::string_view experts = ".experts.";
    const auto at = name.find(experts);
    if (at == name.npos) return std::nullopt;
    const auto number = name.substr(at + experts.size());
    std::int64_t index = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
    if (error != std::errc() || end == number.data() + number.size() || *end != '.') return std::nullopt;
    const std::string_view rest = number.substr(static_cast<std::size_t>(end - number.data()) + 1);
    for (const auto& [ours, theirs] : stacked)
      if (rest == ours) return Weights::Element{std::string(name.substr(0, at + 1)) + theirs, index};
    return std::nullopt;
  });
}

}  // namespace ttt::models
