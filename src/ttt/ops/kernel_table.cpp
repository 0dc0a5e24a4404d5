#include "ttt/ops/kernel_table.h"

#include <algorithm>
#include <string>

namespace ttt::inline v2::ops {

void KernelTable::set_erased(std::string_view name, Erased* kernel) {
  for (auto& entry : kernels_) {
    if (entry.first == name) {
      entry.second = kernel;
      return;
    }
  }
  kernels_.emplace_back(name, kernel);
}

void KernelTable::report_fallback(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(reported_, name) != reported_.end()) return;
  reported_.push_back(name);
  log_(LogLevel::info, "no kernel for '" + std::string(name) + "' on this device: using the reference");
}

}  // namespace ttt::inline v2::ops
