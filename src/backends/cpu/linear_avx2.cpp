#include "simd_avx2.h"

namespace ttt::cpu {
namespace {
using V = Avx2;
}
}  // namespace ttt::cpu

#include "linear_kernels_impl.h"

namespace ttt::cpu {
const LinearKernels& avx2_linear_kernels() { return kKernels; }
}  // namespace ttt::cpu
