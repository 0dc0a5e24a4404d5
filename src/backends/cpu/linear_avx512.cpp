#include "simd_avx512.h"
//
#include "linear_kernels_impl.h"

namespace ttt::cpu {
const LinearKernels& avx512_linear_kernels() { return kKernels; }
}  // namespace ttt::cpu
