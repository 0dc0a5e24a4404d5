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

/// How a product with a weight matrix is shared out; changes no bit of its result.
struct LinearParams {
  static constexpr std::string_view operation = "linear";  ///< what get_optimal_params calls it
  int rows_per_task;                                       ///< output features in one unit of work, a multiple of 16
  int tokens_per_tile;                                     ///< tokens that share one pass over a weight panel
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
