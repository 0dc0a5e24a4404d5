#include "ttt/hardware/memory_plan.h"

#include <fmt/format.h>

#include "ttt/core/error.h"

namespace ttt::inline v2 {

std::string format_bytes(std::uint64_t bytes) {
  if (bytes >= std::uint64_t{1} << 30) return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
  if (bytes >= std::uint64_t{1} << 20) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
  if (bytes >= std::uint64_t{1} << 10) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / (1 << 10));
  return fmt::format("{} bytes", bytes);
}

void MemoryPlan::check() const {
  if (fits()) return;
  throw DeviceError(
      device, fmt::format("the model needs {} (weights {}, cache {}, workspace {}) but there are {}; use a smaller "
                          "--ctx, a smaller --kv-dtype, or --quantize",
                          format_bytes(total()), format_bytes(weights), format_bytes(cache), format_bytes(workspace),
                          format_bytes(available)));
}

std::string MemoryPlan::table() const {
  return fmt::format("weights    {:>12}\ncache      {:>12}\nworkspace  {:>12}\ntotal      {:>12}\navailable  {:>12}\n",
                     format_bytes(weights), format_bytes(cache), format_bytes(workspace), format_bytes(total()),
                     available == 0 ? "unknown" : format_bytes(available));
}

}  // namespace ttt::inline v2
