#include "simd_generic.h"
//
#include "attention_kernels_impl.h"

namespace ttt::cpu {
const AttentionKernels& generic_attention_kernels() { return kKernels; }
}  // namespace ttt::cpu
