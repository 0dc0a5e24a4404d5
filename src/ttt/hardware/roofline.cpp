#include "ttt/hardware/roofline.h"

#include <algorithm>
#include <chrono>

namespace ttt::inline v2 {

const Roofline::Peak& Roofline::peak() const { return *std::ranges::max_element(peaks, {}, &Peak::flops_per_second); }

double Roofline::least_seconds(const Work& work) const {
  return std::max(static_cast<double>(work.bytes) / bytes_per_second,
                  static_cast<double>(work.flops) / peak().flops_per_second);
}

double Roofline::share(const Work& work, double seconds) const { return least_seconds(work) / seconds; }

double best_rate(double amount, const std::function<void()>& run) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLong{100};
  constexpr int kFewest = 3;
  const auto begin = Clock::now();
  double best = 0;
  for (int runs = 0; runs < kFewest || Clock::now() - begin < kLong; ++runs) {
    const auto start = Clock::now();
    run();
    const std::chrono::duration<double> took = Clock::now() - start;
    best = std::max(best, amount / took.count());
  }
  return best;
}

}  // namespace ttt::inline v2
