#pragma once
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "ttt/core/log.h"
#include "ttt/hardware/device.h"

namespace ttt::inline v2::ops {

/// A device's kernels, by op. An op is a type with
///   static constexpr std::string_view name;  struct Args;  using Kernel = void(Device&, const Args&);
///   static void reference(Device&, const Args&);   // plain, the oracle of the tests
///   static void check(const Args&);                // throws ShapeError when sizes do not fit; kernels rely on it
/// so that an op, like a kernel, can be added outside this library.
class KernelTable {
 public:
  /// An empty table; `log` is told once of each op that falls back to its reference.
  explicit KernelTable(LogSink log) : log_(std::move(log)) {}

  /// Replaces the kernel of `Op`. Not while the device is in use.
  template <class Op>
  void set(typename Op::Kernel* kernel) {
    set_erased(Op::name, reinterpret_cast<Erased*>(kernel));
  }

  /// The device's kernel, or the reference after saying so once through the log.
  template <class Op>
  typename Op::Kernel* get() const {
    for (const auto& [name, kernel] : kernels_)
      if (name.data() == Op::name.data() || name == Op::name) return reinterpret_cast<typename Op::Kernel*>(kernel);
    report_fallback(Op::name);
    return &Op::reference;
  }

 private:
  using Erased = void();
  void set_erased(std::string_view name, Erased* kernel);
  void report_fallback(std::string_view name) const;

  std::vector<std::pair<std::string_view, Erased*>> kernels_;
  LogSink log_;
  mutable std::mutex mutex_;
  mutable std::vector<std::string_view> reported_;
};

/// Checks the arguments and runs `Op` on the device. An op whose work is not small next to the others' also has `static
/// Work work(const Args&)`.
template <class Op>
auto run(Device& device, const typename Op::Args& args) {
  Op::check(args);
  const auto work = [&]() -> Work {
    if constexpr (requires { Op::work(args); })
      return Op::work(args);
    else
      return {};
  };
  if (auto* counter = device.options().work_counter.get()) counter->add(work());
  auto* kernel = device.kernels().template get<Op>();
  OpTrace* const trace = device.options().op_trace.get();
  if (trace == nullptr) return kernel(device, args);
  struct Timed {
    OpTrace& trace;
    OpTrace::Event event;
    ~Timed() {
      event.end = OpTrace::Clock::now();
      trace.add(event);
    }
  } timed{*trace, {Op::name, OpTrace::Clock::now(), {}, work()}};
  return kernel(device, args);
}

}  // namespace ttt::inline v2::ops
