#include "simd_generic.h"
//
#include "linear_kernels_impl.h"

namespace ttt::cpu {
const LinearKernels& generic_linear_kernels() { return kKernels; }
}  // namespace ttt::cpu
