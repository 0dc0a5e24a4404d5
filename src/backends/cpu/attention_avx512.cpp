#include "simd_avx512.h"
//
#include "attention_kernels_impl.h"

namespace ttt::inline v2::cpu {
const AttentionKernels& avx512_attention_kernels() { return kKernels; }
}  // namespace ttt::inline v2::cpu
