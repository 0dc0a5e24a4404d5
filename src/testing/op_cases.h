#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ttt/hardware/device.h"

namespace ttt::test {

/// An op with random weights and inputs of its own, the same in every instance of a case.
class OpInstance {
 public:
  virtual ~OpInstance() = default;
  virtual void run() = 0;                   ///< with the device's kernel
  virtual void reference() = 0;             ///< with the op's reference
  virtual std::vector<float> output() = 0;  ///< what was written
};

/// An op at a size that published models have.
struct OpCase {
  std::string name;  ///< op/format/sizes/tokens
  double tolerance;  ///< how far the kernel in default precision may be from the reference, of the largest output
  std::function<std::unique_ptr<OpInstance>(Device&)> make;
};

/// What tests hold against the references and benchmarks time.
std::vector<OpCase> op_cases();

}  // namespace ttt::test
