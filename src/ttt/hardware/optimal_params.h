#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace ttt::inline v2 {

/// Named integer parameters of one operation.
using Params = std::map<std::string, std::int64_t, std::less<>>;
/// Per operation, the parameters that replace a backend's own choice.
using ParamOverrides = std::map<std::string, Params, std::less<>>;

/// How attention cuts up its cache.
struct AttentionParams {
  static constexpr std::string_view operation = "attention";  ///< what get_optimal_params calls it
  int page_size;                                              ///< tokens in a page of the KV cache, a multiple of 16
  int kv_split;  ///< keys one task of a long context handles, a multiple of page_size
  /// Throws DeviceError naming the parameter that is missing, not positive or not such a multiple.
  static AttentionParams from(const Params& params);
};

/// How a product with a weight matrix is shared out, which changes no bit of its result, and which kernels compute it,
/// which may.
struct LinearParams {
  static constexpr std::string_view operation = "linear";  ///< what get_optimal_params calls it
  static constexpr int never = 1 << 24;                    ///< a threshold that no step reaches
  int rows_per_task;                                       ///< output features in one unit of work, a multiple of 16
  int rows_per_long_task;  ///< the most of them where tokens are few and wait for memory, a multiple of 16
  int tokens_per_tile;     ///< tokens that share one pass over a weight panel
  /// Tokens of a step from which AMX multiplies; activations that have eight bits otherwise wait for twice as many.
  /// `never` where a device has no such parameter.
  int amx_min_tokens;
  int bf16_min_tokens;   ///< likewise the dot product of AVX-512 BF16, for weights in bf16
  int words_min_tokens;  ///< likewise products of 16-bit integers, for weights in f16 and bf16
  /// How far ahead of what few tokens read of weights memory is asked for, a multiple of a line's 64 bytes; 0 where a
  /// device has no such parameter: the processor's own prefetching keeps up by itself.
  int bytes_ahead;
  /// Throws DeviceError naming the parameter that is missing, not positive or not such a multiple.
  static LinearParams from(const Params& params);
};

/// How a prompt is cut into steps.
struct PrefillParams {
  static constexpr std::string_view operation = "prefill";  ///< what get_optimal_params calls it
  int chunk;                                                ///< most tokens in one step; longer prompts go in several
  /// Throws DeviceError when `chunk` is missing or not positive.
  static PrefillParams from(const Params& params);
};

}  // namespace ttt::inline v2
