#include "simd_generic.h"
//
#include "linear_kernels_impl.h"

namespace ttt::inline v2::cpu {
const LinearKernels& generic_linear_kernels() { return kKernels; }
}  // namespace ttt::inline v2::cpu
