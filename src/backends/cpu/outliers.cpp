#include "outliers.h"

#include <algorithm>

namespace ttt::cpu {

void Outliers::gather(std::int64_t block) const {
  Outlier* const first = gathered + block * tokens * kMost;
  std::uint32_t* const from = starts + block * (tokens + 1);
  Outlier* next = first;
  for (std::int64_t token = 0; token < tokens; ++token) {
    from[token] = static_cast<std::uint32_t>(next - first);
    next = std::copy_n(found_at(token, block), num_found_at(token, block), next);
  }
  from[tokens] = static_cast<std::uint32_t>(next - first);
}

}  // namespace ttt::cpu
