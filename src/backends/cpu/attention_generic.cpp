#include "simd_generic.h"
//
#include "attention_kernels_impl.h"

namespace ttt::inline v2::cpu {
const AttentionKernels& generic_attention_kernels() { return kKernels; }
}  // namespace ttt::inline v2::cpu
