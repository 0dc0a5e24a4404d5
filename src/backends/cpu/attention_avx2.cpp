#include "simd_avx2.h"

namespace ttt::cpu {
namespace {
using V = Avx2;
}
}  // namespace ttt::cpu

#include "attention_kernels_impl.h"

namespace ttt::cpu {
const AttentionKernels& avx2_attention_kernels() { return kKernels; }
}  // namespace ttt::cpu
