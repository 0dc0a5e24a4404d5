#include "simd_avx512.h"
//
#include "attention_kernels_impl.h"

namespace ttt::cpu {
const AttentionKernels& avx512_attention_kernels() { return kKernels; }
}  // namespace ttt::cpu
