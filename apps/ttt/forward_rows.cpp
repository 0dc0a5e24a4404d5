#include "forward_rows.h"

#include <algorithm>

namespace ttt::app {

void forward_rows(const CausalLM& model, Step& step, KvCache::Sequence sequence, std::span<const std::int32_t> ids,
                  std::size_t first, const LogitVisitor& visit, const CausalLM::Hooks& hooks) {
  const auto chunk = static_cast<std::size_t>(step.cache().config().max_step_tokens);
  const auto total = static_cast<std::int32_t>(ids.size());
  for (std::size_t begin = 0; begin < ids.size();) {
    const auto end = std::min(begin + chunk, begin < first ? first : ids.size());
    step.clear();
    step.add(sequence, ids.subspan(begin, end - begin), begin < first ? LogitRows::none : LogitRows::all, total);
    const auto logits = model.forward(step, hooks);
    for (std::int64_t row = 0; row < logits.rows; ++row)
      visit(begin + static_cast<std::size_t>(row), {logits.row(row), static_cast<std::size_t>(logits.cols)});
    begin = end;
  }
}

}  // namespace ttt::app
