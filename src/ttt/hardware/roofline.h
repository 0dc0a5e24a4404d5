#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ttt/hardware/work_counter.h"

namespace ttt::inline v2 {

/// The two measured speeds that bound a computation's time (Williams, Waterman and Patterson, "Roofline", 2009).
struct Roofline {
  /// How fast one kind of instruction multiplies and adds.
  struct Peak {
    std::string instruction;  ///< "avx512_vnni"
    double flops_per_second;  ///< of a chain of them in registers, all threads; a multiply-add is two
  };

  std::uint64_t working_set;  ///< bytes that computations read over and over
  double bytes_per_second;    ///< at which all threads read such a set, best run. One that fits in a cache reads at the
                              ///< cache's speed
  std::vector<Peak> peaks;    ///< of the multiply-adds that the device's precision allows; at least one

  /// The fastest of `peaks`.
  const Peak& peak() const;
  /// The least time in seconds that this device could take: the longer of reading the bytes and doing the arithmetic.
  double least_seconds(const Work& work) const;
  /// `least_seconds(work) / seconds`: 1 when nothing could be faster, 0.5 when half of the time is lost.
  double share(const Work& work, double seconds) const;
};

/// Runs `run` until a tenth of a second and three runs have passed, and returns the best `amount` per second.
double best_rate(double amount, const std::function<void()>& run);

}  // namespace ttt::inline v2
