#pragma once
#include <span>

#include "amx_linear.h"
#include "bf16_linear.h"
#include "cpu_device.h"
#include "linear_kernels.h"
#include "ttt/core/matrix.h"

namespace ttt::cpu {

/// Rows [first, first + count) of the activations.
struct TokenRange {
  std::int64_t first, count;
};

/// The activations of one call to a linear op, as they are and in the form that its weights' kernels want: in bf16
/// tiles for AMX; else in integers for integer weights, in bf16 for weights in bf16 or, of many tokens, in integers for
/// weights in f16 and bf16. Chooses the kernels, too. The forms lie in scratch of the calling thread, which its next
/// call takes over.
class LinearInput {
 public:
  using Matrices = std::span<const CpuPackedMatrix* const>;

  /// `weights`: all that `x` meets in this call. `ranges`: one after the other all of x, each of which meets matrices
  /// of its own; kernels are chosen for the largest.
  LinearInput(CpuDevice& device, const LinearKernels& kernels, ConstMatrix x, Matrices weights,
              std::span<const TokenRange> ranges);

  /// Tokens of one call to `products`.
  std::int64_t tokens_per_call() const;
  /// Parts of the tokens that are tasks of their own, for `row_tasks` runs of rows.
  std::int64_t token_tasks(std::int64_t row_tasks, int threads) const;
  /// Panels of one task.
  std::int64_t width() const { return stride() / kPanelRows; }
  /// Floats between two tokens of a call's output.
  std::int64_t stride() const { return stride_; }

  /// Of tokens that lie in one range, from a tile's first on. Writes up to the next multiple of 16.
  void products(const PanelRange& w, std::int64_t token, int tokens, float* out, std::int64_t stride) const;

 private:
  void fill_tiles(CpuDevice& device, bool with_low);
  void fill_bf16(CpuDevice& device, int parts);
  void quantize(CpuDevice& device, ActivationBits bits, ScaleOf scale_of, std::span<const TokenRange> ranges);

  const LinearKernels& kernels_;
  ConstMatrix x_;
  const AmxKernels* amx_ = nullptr;
  const Bf16Kernels* bf16_ = nullptr;
  const LinearParams& params_;
  std::int64_t stride_;
  bool quantized_ = false, words_ = false;
  QuantizedRows rows_{};
  TokenTiles tiles_{};
  Bf16Rows bf16_rows_{};
};

}  // namespace ttt::cpu
