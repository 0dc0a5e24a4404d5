#include "ttt/hardware/backend.h"

#include <array>

namespace ttt::inline v2 {
namespace {

constexpr std::array<ParamRule, 6> kTenstorrentRules{{
    {"attention", "page_size", "", "", 64},
    {"attention", "kv_split", "", "", 512},
    {"linear", "rows_per_task", "", "", 32},
    {"linear", "rows_per_long_task", "", "", 32},
    {"linear", "tokens_per_tile", "", "", 32},
    {"prefill", "chunk", "", "", 1024},
}};

}  // namespace

/// Plans only: there are no kernels for these devices yet.
extern const Backend tenstorrent_backend;
const Backend tenstorrent_backend{"tenstorrent", kTenstorrentRules, nullptr};

}  // namespace ttt::inline v2
