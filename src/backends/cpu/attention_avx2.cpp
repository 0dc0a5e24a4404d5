#include "simd_avx2.h"
//
#include "attention_kernels_impl.h"

namespace ttt::cpu {
const AttentionKernels& avx2_attention_kernels() { return kKernels; }
}  // namespace ttt::cpu
