#include "ttt/hardware/backend.h"

#include <array>

#include "cpu_device.h"

namespace ttt::inline v2 {
namespace {

// The dot product of AVX-512 BF16 is twice as fast as f32's on Zen 4, and half as fast on Intel's processors. These
// read a third less than they can where products lie between the reads, unless memory is asked for ahead; on Zen 3 that
// harms.
constexpr std::array<ParamRule, 14> kCpuRules{{
    {"attention", "page_size", "", "", 64},
    {"attention", "kv_split", "", "", 512},
    {"linear", "rows_per_task", "", "", 64},
    {"linear", "rows_per_long_task", "", "", 512},
    {"linear", "tokens_per_tile", "", "", 256},
    {"linear", "amx_min_tokens", "amx", "amx_bf16", 16},
    {"linear", "bf16_min_tokens", "", "intel", LinearParams::never},
    {"linear", "bf16_min_tokens", "", "avx512_bf16", 1},
    {"linear", "words_min_tokens", "avx2", "", 5},
    {"linear", "words_min_tokens", "avx_vnni", "", 5},
    {"linear", "words_min_tokens", "avx512", "", 8},
    {"linear", "words_min_tokens", "amx", "", 8},
    {"linear", "bytes_ahead", "", "intel", 2048},
    {"prefill", "chunk", "", "", 512},
}};

std::unique_ptr<Device> open_cpu(DeviceConfig config, DeviceOptions options) {
  return std::make_unique<cpu::CpuDevice>(std::move(config), std::move(options));
}

}  // namespace

extern const Backend cpu_backend;
const Backend cpu_backend{"cpu", kCpuRules, open_cpu};

}  // namespace ttt::inline v2
