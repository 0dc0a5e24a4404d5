#include "ttt/hardware/optimal_params.h"

#include <fmt/format.h>

#include "ttt/core/error.h"

namespace ttt::inline v2 {
namespace {

int read(const Params& params, std::string_view operation, std::string_view key, std::int64_t multiple_of) {
  const auto found = params.find(key);
  const auto where = fmt::format("{}.{}", operation, key);
  if (found == params.end()) throw DeviceError(where, "the device has no such parameter");
  if (found->second <= 0 || found->second > (1 << 24) || found->second % multiple_of != 0)
    throw DeviceError(where, fmt::format("expected a positive multiple of {}, got {}", multiple_of, found->second));
  return static_cast<int>(found->second);
}

}  // namespace

AttentionParams AttentionParams::from(const Params& params) {
  AttentionParams result{read(params, operation, "page_size", 16), 0};
  result.kv_split = read(params, operation, "kv_split", result.page_size);
  return result;
}

LinearParams LinearParams::from(const Params& params) {
  const auto threshold = [&](std::string_view key) {
    return params.contains(key) ? read(params, operation, key, 1) : never;
  };
  return {read(params, operation, "rows_per_task", 16),
          read(params, operation, "rows_per_long_task", 16),
          read(params, operation, "tokens_per_tile", 1),
          threshold("amx_min_tokens"),
          threshold("bf16_min_tokens"),
          threshold("words_min_tokens"),
          params.contains("bytes_ahead") ? read(params, operation, "bytes_ahead", 64) : 0};
}

PrefillParams PrefillParams::from(const Params& params) { return {read(params, operation, "chunk", 1)}; }

}  // namespace ttt::inline v2
