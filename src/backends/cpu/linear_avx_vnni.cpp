#include "simd_avx_vnni.h"

namespace ttt::cpu {
namespace {
using V = AvxVnni;
}
}  // namespace ttt::cpu

#include "linear_kernels_impl.h"

namespace ttt::cpu {
const LinearKernels& avx_vnni_linear_kernels() { return kKernels; }
}  // namespace ttt::cpu
