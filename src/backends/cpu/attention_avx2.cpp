#include "simd_avx2.h"
//
#include "attention_kernels_impl.h"

namespace ttt::inline v2::cpu {
const AttentionKernels& avx2_attention_kernels() { return kKernels; }
}  // namespace ttt::inline v2::cpu
